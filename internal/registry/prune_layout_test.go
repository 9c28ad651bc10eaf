package registry

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/ocilayout"
)

// size is what a layout takes on the disk.
func size(t *testing.T, path string) (n int64) {
	t.Helper()
	err := filepath.Walk(path, func(_ string, fi os.FileInfo, err error) error {
		if err == nil && fi.Mode().IsRegular() {
			n += fi.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What goes from a layout frees its room; what other images share stays.
func TestPruneLayout(t *testing.T) {
	forms(t, func(t *testing.T, in func(string) string) {
		src, _, c := pair(t)
		shared := random(1, 20_000)
		src.image(t, "ns/a", "1", nil, shared, random(2, 30_000))
		old := src.image(t, "ns/a", "0", nil, shared, random(3, 50_000))
		src.image(t, "ns/b", "1", nil, shared)
		bill := src.referrer(t, "ns/a", old, "application/spdx+json", random(4, 60_000))
		path := in(t.TempDir())
		all := toLayout([]Image{{Source: srcHost + "/ns/a:0"}, {Source: srcHost + "/ns/a:1"}, {Source: srcHost + "/ns/b:1"}}, path)
		fill := func(images []Image) *TransferPlan {
			t.Helper()
			table, err := c.Plan(t.Context(), images, Selection{Signatures: CopySignatures})
			if err != nil || table.Err() != nil {
				t.Fatal(err, table.Err())
			}
			if err := c.Execute(t.Context(), table, Options{}); err != nil {
				t.Fatal(err)
			}
			return table
		}
		fill(all)
		rule := PruneRule{Host: LayoutPrefix + path}
		if p, names := pruning(t, c, all, rule); !p.Empty() {
			t.Fatalf("%v, %d blobs", names, p.Blobs)
		}
		before := size(t, path)
		rule.Repositories = []string{"ns/*"}
		p, names := pruning(t, c, all[1:2], rule)
		if !slices.Equal(names, []string{"a:0", "b:1"}) || p.Blobs != 8 || p.Bytes < 110_000 {
			t.Fatalf("%v, %d blobs of %d bytes", names, p.Blobs, p.Bytes)
		}
		if err := c.Prune(t.Context(), p, func(*Removal) {}); err != nil {
			t.Fatal(err)
		}
		if freed := before - size(t, path); freed < p.Bytes {
			t.Errorf("%d bytes are free, want %d", freed, p.Bytes)
		}
		if blobs, names := sound(t, path); blobs != 4 || !slices.Equal(names, []string{"ns/a:1"}) {
			t.Errorf("%d blobs, names %v", blobs, names)
		}
		if again, names := pruning(t, c, all[1:2], rule); !again.Empty() {
			t.Errorf("the second time: %v, %d blobs", names, again.Blobs)
		}
		mirrored(t, c, all[1:2])
		if names, _ := filepath.Glob(path + ".*"); len(names) != 0 {
			t.Errorf("there is %v", names)
		}
		fill(all)
		if _, err := c.Resolve(t.Context(), srcHost+"/ns/a@"+bill); err != nil {
			t.Error(err)
		}
		mirrored(t, c, all)
	})
}

// Blobs that a run which was killed has left in a layout are superfluous when
// no image is to come that needs them.
func TestPruneLayoutLeftovers(t *testing.T) {
	forms(t, func(t *testing.T, in func(string) string) {
		src, _, c := pair(t)
		src.image(t, "ns/a", "1", nil, random(2, 300))
		lost := src.image(t, "ns/b", "1", nil, random(3, 500))
		path := in(t.TempDir())
		all := toLayout([]Image{{Source: srcHost + "/ns/a:1"}, {Source: srcHost + "/ns/b:1"}}, path)
		execute(t, c, all[:1])
		l, _ := c.layouts.At(path)
		for _, b := range [][]byte{random(3, 500), src.raw(t, "ns/b", lost)} {
			if err := l.Put(digest.FromBytes(b), int64(len(b)), strings.NewReader(string(b))); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
		rule := PruneRule{Host: LayoutPrefix + path}
		if p, _ := pruning(t, c, all, rule); !p.Empty() {
			t.Errorf("%d blobs go, though an image is to come that needs them", p.Blobs)
		}
		p, _ := pruning(t, c, all[:1], rule)
		if p.Blobs != 2 || p.Bytes < 500 {
			t.Errorf("%d blobs of %d bytes", p.Blobs, p.Bytes)
		}
		if err := c.Prune(t.Context(), p, func(*Removal) {}); err != nil {
			t.Fatal(err)
		}
		if blobs, _ := sound(t, path); blobs != 3 {
			t.Errorf("%d blobs", blobs)
		}
		if p, _ = pruning(t, c, all[:1], rule); !p.Empty() {
			t.Errorf("%d blobs are left", p.Blobs)
		}
	})
}

// While images come into a layout nothing is swept from it.
func TestPruneLayoutBusy(t *testing.T) {
	forms(t, func(t *testing.T, in func(string) string) {
		src, _, c := pair(t)
		src.image(t, "ns/a", "1", nil, random(2, 300))
		src.image(t, "ns/a", "0", nil, random(3, 300))
		path := in(t.TempDir())
		all := toLayout([]Image{{Source: srcHost + "/ns/a:0"}, {Source: srcHost + "/ns/a:1"}}, path)
		execute(t, c, all)
		p, _ := pruning(t, c, all[1:], PruneRule{Host: LayoutPrefix + path})
		other := ocilayout.Open(path)
		if err := other.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		text := random(9, 10)
		if err := other.Put(digest.FromBytes(text), 10, strings.NewReader(string(text))); err != nil {
			t.Fatal(err)
		}
		if err := c.Prune(t.Context(), p, func(*Removal) {}); err == nil || !strings.Contains(err.Error(), "another run is writing it") {
			t.Errorf("got %v", err)
		}
		if err := other.Commit(); err != nil {
			t.Fatal(err)
		}
		p, _ = pruning(t, c, all[1:], PruneRule{Host: LayoutPrefix + path})
		if err := c.Prune(t.Context(), p, func(*Removal) {}); err != nil {
			t.Fatal(err)
		}
		if blobs, _ := sound(t, path); blobs != 3 {
			t.Errorf("%d blobs", blobs)
		}
	})
}
