package ocilayout

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
)

// addNamed gives a layout a manifest under a name, as one execution.
func addNamed(t *testing.T, l *Layout, name string) digest.Digest {
	t.Helper()
	text := `{"schemaVersion":2,"annotations":{"is":"` + name + `"}}`
	d := digest.FromString(text)
	l.Begin()
	if err := l.Put(d, int64(len(text)), strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	err := l.Change(func(idx *Index) error {
		idx.Insert(descriptor.Descriptor{Digest: d, Size: int64(len(text)), Annotations: map[string]string{NameKey: name}})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(); err != nil {
		t.Fatal(err)
	}
	return d
}

// A sweep removes nothing of what another process has named since the sweep
// looked at the index.
func TestSweepAgainstAnotherRun(t *testing.T) {
	for _, name := range []string{"media", "media.tar"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			l := Open(path)
			addNamed(t, l, "a:1")
			r, _, err := l.mark(nil)
			if err != nil {
				t.Fatal(err)
			}
			other := addNamed(t, Open(path), "b:1")
			if err := l.deleteUnreferenced(r.needed); err == nil || !strings.Contains(err.Error(), "another run has just written it") {
				t.Errorf("the sweep gives %v", err)
			}
			f, err := Open(path).Open(other)
			if err != nil {
				t.Fatalf("the other run's manifest: %v", err)
			}
			f.Close()
			if err := l.Sweep(); err != nil {
				t.Errorf("the next sweep: %v", err)
			}
		})
	}
}
