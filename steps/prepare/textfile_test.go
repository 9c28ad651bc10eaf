package prepare

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bayplan/bayplan/runner"
)

func TestTextFileFollowsLink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	prepareWrite(t, target, "old\n")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	f := textFile{path: link, content: []byte("new\n")}
	if err := f.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.Readlink(link); err != nil || got != target {
		t.Errorf("the link: %q, %v", got, err)
	}
	if got := prepareRead(t, target); got != "new\n" {
		t.Errorf("what it leads to holds %q", got)
	}
}

// A person who made a link wants the file behind it to be written.
func TestTextFileRefusesDanglingLink(t *testing.T) {
	f := textFile{path: filepath.Join(t.TempDir(), "link"), content: []byte("new\n")}
	if err := os.Symlink("nowhere", f.path); err != nil {
		t.Fatal(err)
	}
	_, err := f.diff(&runner.Disk{})
	prepareWantError(t, err, f.path, "a symbolic link that leads nowhere")
}

func TestTextFileHoldsTooMuch(t *testing.T) {
	f := textFile{path: filepath.Join(t.TempDir(), "file"), content: []byte("new\n")}
	prepareWrite(t, f.path, strings.Repeat("new\n", maxOldText))
	item, err := f.diff(&runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	if item == nil || item.Op != runner.Update || item.Old != "" {
		t.Errorf("item = %+v", item)
	}
	prepareWantError(t, f.verify(&runner.Disk{}), `line 2 is "new", not missing`)
}

// Opening a pipe would wait for a writer.
func TestTextFileIsAPipe(t *testing.T) {
	f := textFile{path: filepath.Join(t.TempDir(), "pipe")}
	if err := syscall.Mkfifo(f.path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := f.diff(&runner.Disk{})
	prepareWantError(t, err, f.path, "not a regular file")
	prepareWantError(t, f.verify(&runner.Disk{}), f.path, "not a regular file")
}

func TestFirstDifference(t *testing.T) {
	tests := []struct {
		name, got, want string
		line            int
		gotLine         string
		wantLine        string
	}{
		{"first line", "a\nb\n", "x\nb\n", 1, `"a"`, `"x"`},
		{"last line", "a\nb\n", "a\nc\n", 2, `"b"`, `"c"`},
		{"shorter", "a\n", "a\nb\n", 2, "missing", `"b"`},
		{"longer", "a\nb\n", "a\n", 2, `"b"`, "missing"},
		{"empty", "", "a\n", 1, "missing", `"a"`},
		{"an empty line more", "a\n\n", "a\n", 2, `""`, "missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			line, got, want := firstDifference(tt.got, tt.want)
			if line != tt.line || got != tt.gotLine || want != tt.wantLine {
				t.Errorf("= %d, %s, %s; want %d, %s, %s", line, got, want, tt.line, tt.gotLine, tt.wantLine)
			}
		})
	}
}
