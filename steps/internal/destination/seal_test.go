package destination

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
	"github.com/bayplan/bayplan/internal/pieces"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner/steptest"
)

// A layout that cannot be sealed does not hide why the step has failed, and a step that has failed
// seals what another one may have left to it.
func TestSealAfterFailure(t *testing.T) {
	failed := errors.New("no space left on device")
	for name, broken := range map[string]bool{"sealed": false, "cannot be sealed": true} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.tar")
			c, err := registry.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			l := c.Layout(path)
			err = errors.Join(l.SetForm(ocilayout.Form{Split: 4096}), l.Begin(t.Context()), l.Put(digest.FromString("a"), 1, strings.NewReader("a")),
				l.Change(func(*layoutindex.Index) error { return nil }), l.Commit())
			if broken {
				err = errors.Join(err, os.Mkdir(pieces.TablePath(path), 0o700))
			}
			if err != nil {
				t.Fatal(err)
			}
			to := Setting{Items: []One{{Other: Layout{Layout: plan.Path(path), Split: "4KiB"}}}}
			err = Seal(t.Context(), failed, to, c, &steptest.Progress{})
			if !errors.Is(err, failed) || broken != strings.Contains(err.Error(), "is a directory") {
				t.Errorf("got %v", err)
			}
			if lacks, err := l.Unsealed(); !broken && (lacks != "" || err != nil) {
				t.Errorf("it lacks %q, %v", lacks, err)
			}
		})
	}
}
