package runner_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/runner"
)

// aged makes a file that was written a while ago, and gives its path.
func aged(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	ago := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, ago, ago); err != nil {
		t.Fatal(err)
	}
	return path
}

func see(t *testing.T, path string) runner.FileID {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return runner.Identify(fi)
}

func TestRemember(t *testing.T) {
	told := map[runner.Algo]string{runner.SHA256: "told"}
	tests := []struct {
		name   string
		change func(t *testing.T, path string) // between the sight and the telling
		world  func(d *runner.Disk, path string) runner.World
		want   bool
	}{
		{"as it was seen", nil, nil, true},
		{"written to", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("other"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, nil, false},
		{"touched", func(t *testing.T, path string) {
			if err := os.Chtimes(path, time.Now(), time.Now()); err != nil {
				t.Fatal(err)
			}
		}, nil, false},
		{"gone", func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}, nil, false},
		{"another one in its place", func(t *testing.T, path string) {
			if err := os.Rename(aged(t, "content"), path); err != nil {
				t.Fatal(err)
			}
		}, nil, false},
		{"through a diff's world", nil, func(d *runner.Disk, path string) runner.World {
			return runner.Planned(d, runner.File{Path: path + "-other"})
		}, true},
		{"planned anew", nil, func(d *runner.Disk, path string) runner.World {
			return runner.Planned(d, runner.File{Path: path})
		}, false},
		{"where everything is looked at anew", nil, func(d *runner.Disk, _ string) runner.World { return d.Hard() }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := aged(t, "content")
			d := &runner.Disk{}
			var w runner.World = d
			if tt.world != nil {
				w = tt.world(d, path)
			}
			seen := see(t, path)
			if tt.change != nil {
				tt.change(t, path)
			}
			w.Remember(path, seen, told)
			got, ok := w.Recall(path, runner.SHA256)
			if ok != tt.want || ok && !cmp.Equal(told, got) {
				t.Errorf("recalled %v, %v, want it: %v", got, ok, tt.want)
			}
			if _, ok := w.Recall(path, runner.SHA256, runner.MD5); ok {
				t.Error("recalled a digest that it was not given")
			}
		})
	}
}

// Digests that the World of Verify gets are there for the next run.
func TestRememberThroughTheHardWorld(t *testing.T) {
	path, d := aged(t, "content"), &runner.Disk{}
	d.Hard().Remember(path, see(t, path), map[runner.Algo]string{runner.SHA256: "told"})
	if got, err := d.Sum(t.Context(), path, runner.SHA256); err != nil || got[runner.SHA256] != "told" {
		t.Errorf("sum = %v, %v", got, err)
	}
}

// A file that was written just now may be written again without a trace in its
// times.
func TestRememberIgnoresNewFiles(t *testing.T) {
	path, d := filepath.Join(t.TempDir(), "file"), &runner.Disk{}
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Remember(path, see(t, path), map[runner.Algo]string{runner.SHA256: "told"})
	if _, ok := d.Recall(path, runner.SHA256); ok {
		t.Error("it was remembered")
	}
}
