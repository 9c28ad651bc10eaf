package untar

import (
	"context"
	"io"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
)

// A second run takes the remembered digests and opens no file, whether the apply
// before it had listed the archive or not.
func TestUntarSecondRunReadsNothing(t *testing.T) {
	for name, early := range map[string]bool{"before an apply": true, "after a diff": false} {
		t.Run(name, func(t *testing.T) {
			s, base := newUntar(t)
			age(t, base+"/x.tar")
			w := &countingWorld{Disk: &runner.Disk{}}
			if early {
				s.BeforeApply()
			}
			prior := appliedIn(t, s, w.Disk)
			again := &untar{Archive: s.Archive, Into: s.Into}
			inputs, err := again.Inputs(t.Context(), w)
			if err != nil {
				t.Fatal(err)
			}
			f, err := again.Diff(t.Context(), w, prior)
			if err != nil {
				t.Fatal(err)
			}
			if f.Change != nil || w.opened != 0 {
				t.Errorf("change = %v, opened %d files", f.Change, w.opened)
			}
			if diff := cmp.Diff(prior.Inputs, inputs); diff != "" {
				t.Errorf("inputs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(prior.Outputs, f.Outputs, cmp.AllowUnexported(plan.Value{})); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
			if len(w.hashed) > 0 {
				t.Errorf("it would have to hash %q", w.hashed)
			}
		})
	}
}

// age sets the time of a file to long ago, so that its digests may be remembered.
func age(t *testing.T, path string) {
	t.Helper()
	ago := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, ago, ago); err != nil {
		t.Fatal(err)
	}
}

// appliedIn applies a step as the runner does, and gives the record.
func appliedIn(t *testing.T, s *untar, d *runner.Disk) *runner.Record {
	t.Helper()
	if _, err := s.Inputs(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	f, err := s.Diff(t.Context(), d, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f.Change == nil {
		t.Fatal("nothing to do")
	}
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	outputs, err := s.Verify(t.Context(), d.Hard())
	if err != nil {
		t.Fatal(err)
	}
	inputs, err := s.Inputs(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return &runner.Record{Inputs: inputs, Outputs: outputs}
}

// countingWorld counts the files that are opened, and keeps the names of those
// whose digests are not remembered.
type countingWorld struct {
	*runner.Disk
	opened int
	hashed []string
}

func (c *countingWorld) Open(path string) (io.ReadCloser, error) {
	c.opened++
	return c.Disk.Open(path)
}

func (c *countingWorld) Sum(ctx context.Context, path string, algos ...runner.Algo) (map[runner.Algo]string, error) {
	if _, ok := c.Recall(path, algos...); !ok {
		c.hashed = append(c.hashed, path)
	}
	return c.Disk.Sum(ctx, path, algos...)
}
