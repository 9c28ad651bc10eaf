package untar

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
)

func TestUntarLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type(), Fresh: func(t *testing.T) *steptest.Fixture {
		base := t.TempDir()
		into, from := filepath.Join(base, "images"), filepath.Join(base, "x.tar")
		steptest.WriteTar(t, from, "a.qcow2", "disk", "deep/b", "kernel", "empty/", "", "last", "")
		age(t, from)
		breaks := []steptest.Break{
			{Name: "a file is removed", Do: func(t *testing.T) { steptest.Remove(t, into+"/a.qcow2") }},
			{Name: "a file is cut", Do: func(t *testing.T) { steptest.PutFile(t, into+"/a.qcow2", "di") }},
			{Name: "a file is changed", Do: func(t *testing.T) { steptest.PutFile(t, into+"/deep/b", "KERNEL") }},
			{Name: "an empty file is filled", Do: func(t *testing.T) { steptest.PutFile(t, into+"/last", "!") }},
			{Name: "a directory is removed", Do: func(t *testing.T) { steptest.Remove(t, into+"/empty") }},
			{Name: "all is removed", Do: func(t *testing.T) { steptest.Remove(t, into) }},
			{Name: "a directory takes a file's place", Do: func(t *testing.T) {
				steptest.Remove(t, into+"/a.qcow2")
				steptest.MakeDir(t, into+"/a.qcow2", 0o755)
			}},
			{Name: "a link takes a file's place", Do: func(t *testing.T) {
				steptest.Remove(t, into+"/a.qcow2")
				if err := os.Symlink("last", into+"/a.qcow2"); err != nil {
					t.Fatal(err)
				}
			}},
			{Name: "a link takes a directory's place", Do: func(t *testing.T) {
				if err := os.Rename(into+"/deep", into+"/moved"); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink("moved", into+"/deep"); err != nil {
					t.Fatal(err)
				}
			}},
			{Name: "a killed run left its files", Do: func(t *testing.T) {
				steptest.PutFile(t, filepath.Join(into, archive.StageName(from), "000000"), "half")
			}},
			{Name: "the archive is another one", Do: func(t *testing.T) { steptest.WriteTar(t, from, "a.qcow2", "new disk") }},
			{Name: "the archive is gone", Do: func(t *testing.T) { steptest.Remove(t, from) }},
		}
		return &steptest.Fixture{
			New:   func() runner.Step { return &untar{Archive: plan.Path(from), Into: plan.Path(into)} },
			Dirs:  []string{base},
			Break: breaks,
		}
	}})
}
