package ocilayout

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// addNamed gives a layout a manifest under a name, as one execution.
func addNamed(t *testing.T, l *Layout, name string) digest.Digest {
	t.Helper()
	text := `{"schemaVersion":2,"annotations":{"is":"` + name + `"}}`
	d := digest.FromString(text)
	if err := l.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Put(d, int64(len(text)), strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	err := l.Change(func(idx *layoutindex.Index) error {
		idx.Insert(descriptor.Descriptor{Digest: d, Size: int64(len(text)), Annotations: map[string]string{layoutindex.NameKey: name}})
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

// A sweep removes the blobs that nothing needs and what killed runs left, and leaves alone
// what a living writer has not finished.
func TestSweepBesideAWriter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "media")
	l := Open(dir)
	addNamed(t, l, "a:1")
	spare := digest.FromString("spare")
	if err := l.Put(spare, 5, strings.NewReader("spare")); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, "blobs", "sha256", durable.PartPrefix+"left-"+rand.Text())
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := "half and half"
	up, err := l.Create(descriptor.Descriptor{Digest: digest.FromString(text), Size: int64(len(text))})
	if err != nil {
		t.Fatal(err)
	}
	defer up.Abort()
	if _, err := up.Write([]byte(text[:4])); err != nil {
		t.Fatal(err)
	}
	if n, _, err := l.Unreferenced(nil, nil); err != nil || n != 1 {
		t.Errorf("%d blobs are not needed, %v, want 1", n, err)
	}
	if err := Open(dir).Sweep(); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"what was left": left, "the spare blob": filepath.Join(dir, "blobs", "sha256", spare.Encoded())} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	if _, err := up.Write([]byte(text[4:])); err != nil {
		t.Fatal(err)
	}
	if err := up.Commit(digest.FromString(text)); err != nil {
		t.Errorf("the writer: %v", err)
	}
}

// Files that go while the blobs are listed hide no blob.
func TestBlobsBesideWriters(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "media")
	l := Open(dir)
	for i := range 50 {
		text := fmt.Sprint(i)
		if err := l.Put(digest.FromString(text), int64(len(text)), strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			d := digest.FromString(fmt.Sprint("of writer ", i))
			for {
				select {
				case <-stop:
					return
				default:
				}
				up, err := l.Create(descriptor.Descriptor{Digest: d, Size: -1})
				if err != nil {
					t.Error(err)
					return
				}
				up.Abort()
				if err := l.Put(d, -1, strings.NewReader(fmt.Sprint("of writer ", i))); err != nil {
					t.Error(err)
					return
				}
				if err := l.Remove(d); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 100 {
		held, err := l.Blobs()
		for i := range 4 {
			delete(held, digest.FromString(fmt.Sprint("of writer ", i)))
		}
		if err != nil || len(held) != 50 {
			t.Errorf("%d blobs, %v, want 50", len(held), err)
			break
		}
	}
	close(stop)
	writers.Wait()
}

// An index that is nested without end is an error, and what many names share is read once.
func TestNestedIndexes(t *testing.T) {
	l := Open(t.TempDir())
	index := func(below string, repository string, n int) string {
		text := fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"digest":%q,"size":1}]}`, below)
		d := digest.FromString(text)
		if err := l.Put(d, int64(len(text)), strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		if err := l.Change(func(idx *layoutindex.Index) error {
			idx.Insert(descriptor.Descriptor{Digest: d, Size: int64(len(text)), Annotations: map[string]string{layoutindex.NameKey: fmt.Sprintf("%s:%d", repository, n)}})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return d.String()
	}
	top := digest.FromString("none").String()
	for n := range maxDepth {
		top = index(top, "app/deep", n)
	}
	if _, err := l.Inventory(); err != nil {
		t.Fatal(err)
	}
	index(top, "app/a", maxDepth)
	if _, err := l.Inventory(); err == nil || !strings.Contains(err.Error(), "nested more than 32 deep") {
		t.Errorf("got %v", err)
	}
}
