package mirror

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// Bytes that have changed on a disk are found by a verify, and replaced when
// what has them is deleted.
func TestMirrorCorruptLayout(t *testing.T) {
	for _, file := range []string{"media", "media.tar"} {
		t.Run(file, func(t *testing.T) {
			b := testbed.NewRegistries(t)
			path := filepath.Join(b.Dir, file)
			mirrorTo := func() *mirror { m := newMirror(b); m.To = layoutAt(path); return m }
			apply := func() {
				t.Helper()
				f, err := mirrorTo().Diff(t.Context(), &runner.Disk{}, nil)
				if err != nil || f.Change == nil {
					t.Fatalf("%+v, %v", f, err)
				}
				if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
					t.Fatal(err)
				}
				if _, err := mirrorTo().Verify(t.Context(), &runner.Disk{}); err != nil {
					t.Fatal(err)
				}
			}
			apply()
			rot(t, path)
			_, err := mirrorTo().Verify(t.Context(), &runner.Disk{})
			problems := fault.Problems(err)
			if len(problems) != 1 || problems[0].Kind != "incomplete" || problems[0].Name != "oci:"+path || !strings.Contains(err.Error(), "its bytes have changed") {
				t.Fatalf("got %v", err)
			}
			_, lost, _ := strings.Cut(fault.Hint(err), "then delete ")
			lost, _, ok := strings.Cut(lost, ", and apply again")
			if !ok {
				t.Fatalf("the hint is %q", fault.Hint(err))
			}
			steptest.Remove(t, strings.TrimSuffix(lost, " and the like"))
			apply()
		})
	}
}

// rot changes a byte of the largest blob of a layout.
func rot(t *testing.T, path string) {
	t.Helper()
	largest := path
	if !strings.HasSuffix(path, ".tar") {
		size := int64(0)
		err := filepath.Walk(filepath.Join(path, "blobs"), func(name string, fi os.FileInfo, err error) error {
			if err == nil && fi.Mode().IsRegular() && fi.Size() > size {
				largest, size = name, fi.Size()
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(largest)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	if largest == path { // in the middle of the first entry that is larger than a manifest
		at = bytes.Index(text, []byte("blobs/sha256/")) + 512
	}
	text[at] ^= 1
	if err := os.WriteFile(largest, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
