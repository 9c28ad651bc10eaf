package archive_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/archive"
)

// A stage, or a file in it, that another user can have written is not believed: what is
// unpacked is what the archive holds.
func TestPlantedStage(t *testing.T) {
	stageOf := func(dest string) string { return filepath.Join(dest, archive.StageName("/images/x.tar")) }
	ways := map[string]func(t *testing.T, stage string){
		"others may write to it": func(t *testing.T, stage string) {
			t.Helper()
			if err := os.Chmod(stage, 0o777); err != nil { //nolint:gosec // that is the point
				t.Fatal(err)
			}
		},
		"its files have second names": func(t *testing.T, stage string) {
			t.Helper()
			second := t.TempDir()
			for _, name := range stagedFiles(t, stage) {
				if err := os.Link(name, filepath.Join(second, filepath.Base(name))); err != nil {
					t.Fatal(err)
				}
			}
		},
	}
	if os.Geteuid() == 0 {
		ways["another user owns it"] = func(t *testing.T, stage string) {
			t.Helper()
			if err := os.Chown(stage, 65534, 65534); err != nil {
				t.Fatal(err)
			}
		}
		ways["another user owns its files"] = func(t *testing.T, stage string) {
			t.Helper()
			for _, name := range stagedFiles(t, stage) {
				if err := os.Chown(name, 65534, 65534); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, plant := range ways {
		t.Run(name, func(t *testing.T) {
			dest := t.TempDir()
			planted := tarball(file("a", "wrong"), file("b", "planted"), dir("d"))
			extractKilled(t, dest, planted, beforeFirst)
			plant(t, stageOf(dest))
			if _, err := extract(t, dest, twoFiles, archive.Extraction{Key: "key"}); err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]string{"a": "first", "b": "second"} {
				if got, err := os.ReadFile(filepath.Join(dest, name)); err != nil || string(got) != want {
					t.Errorf("%s is %q, %v", name, got, err)
				}
			}
		})
	}
}

// stagedFiles gives the files of a stage, but for its journal.
func stagedFiles(t *testing.T, stage string) (files []string) {
	t.Helper()
	entries, err := os.ReadDir(stage)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "journal") {
			files = append(files, filepath.Join(stage, e.Name()))
		}
	}
	return files
}
