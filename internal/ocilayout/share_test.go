package ocilayout

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
	"github.com/bayplan/bayplan/internal/pieces"
)

func put(l *Layout, blob string) error {
	return l.Put(digest.FromString(blob), int64(len(blob)), strings.NewReader(blob))
}

// unchanged leaves the index as it is, as if an image had got its name.
func unchanged(*layoutindex.Index) error { return nil }

func mustAll(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// An execution that ends beside another one neither lets go of the archive nor seals it: the last one
// does.
func TestTwoExecutions(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "m.tar")
	l := Open(path)
	mustAll(t, l.SetForm(Form{Split: 4096, Key: newKey(t)}), l.Begin(ctx), l.Begin(ctx))
	mustAll(t, put(l, "of one"), put(l, "of two"), l.Change(unchanged), l.Commit(), l.Seal(ctx))
	if _, err := os.Stat(pieces.TablePath(path)); err == nil {
		t.Error("it is sealed between two blobs of the other execution")
	}
	if _, err := Open(path).Blobs(); err != nil {
		t.Errorf("it is not published: %v", err)
	}
	mustAll(t, put(l, "more of two"), l.Change(unchanged), l.Commit(), l.Seal(ctx))
	if lacks, err := l.Unsealed(); lacks != "" || err != nil {
		t.Errorf("it lacks %q, %v", lacks, err)
	}
	if held, err := Open(path).Blobs(); len(held) != 3 || err != nil {
		t.Errorf("it holds %v, %v", held, err)
	}
}

// Who has sealed an archive does not read its pieces again, neither to add to it nor to seal it
// again, in whatever order two steps get there.
func TestSealedIsProven(t *testing.T) {
	ctx, path, key := t.Context(), filepath.Join(t.TempDir(), "m.tar"), newKey(t)
	l := Open(path)
	mustAll(t, l.SetForm(Form{Split: 4096, Key: key}), add(l, strings.Repeat("a", 50_000), "a:1"), l.Seal(ctx))
	unread := pieces.Name(path, 3)
	overwrite(t, unread, func(text []byte) []byte { text[7] ^= 1; return text })
	mustAll(t, l.Ready(ctx), add(l, "b", "b:1"), l.Seal(ctx), l.Ready(ctx))
	if err := prove(t, l); err != nil {
		t.Errorf("it reads again what it has written: %v", err)
	}
	var bad *pieces.PieceError
	if err := prove(t, Open(path)); !errors.As(err, &bad) || bad.Path != unread {
		t.Errorf("got %v", err)
	}
}

// Where another process has written the pieces, their digests from before do not count.
func TestSealAfterOthers(t *testing.T) {
	ctx, path, key := t.Context(), filepath.Join(t.TempDir(), "m.tar"), newKey(t)
	l := Open(path)
	mustAll(t, l.SetForm(Form{Split: 4096, Key: key}), add(l, strings.Repeat("a", 50_000), "a:1"), l.Seal(ctx))
	mustAll(t, add(l, "b", "b:1"))
	other := Open(path)
	mustAll(t, other.SetForm(Form{Split: 4096, Key: key}), add(other, "c", "c:1"), l.Seal(ctx))
	if err := prove(t, Open(path)); err != nil {
		t.Errorf("the table is not that of the pieces: %v", err)
	}
}

// An execution does not read pieces of which a table has come without its knowledge while it holds
// up others: it ends with an error.
func TestCancelledBegin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.tar")
	sealed(t, path, newKey(t), strings.Repeat("a", 50_000), "a:1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Open(path).Begin(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Until an archive that cannot be extended in place is replaced, it keeps its table and its
// signature; nobody else writes it meanwhile.
func TestTableOfReplaced(t *testing.T) {
	ctx, path, key := t.Context(), filepath.Join(t.TempDir(), "m.tar"), newKey(t)
	sealed(t, path, key, strings.Repeat("a", 9000), "a:1")
	mustAll(t, os.Link(pieces.Name(path, 1), filepath.Join(t.TempDir(), "second name")))
	l := Open(path)
	mustAll(t, l.SetForm(Form{Split: 4096, Key: key}), l.Begin(ctx), put(l, "b"))
	if lacks, err := Open(path).Unsealed(); lacks != "" || err != nil {
		t.Errorf("it lacks %q, %v", lacks, err)
	}
	if err := prove(t, Open(path)); err != nil {
		t.Errorf("the old medium is no longer good: %v", err)
	}
	other := Open(path)
	mustAll(t, other.SetForm(Form{Split: 4096, Key: key}), other.Begin(ctx))
	if err := put(other, "c"); !errors.Is(err, pieces.ErrLocked) {
		t.Errorf("got %v", err)
	}
	mustAll(t, other.Commit(), l.Change(unchanged), l.Commit())
	if _, err := os.Stat(pieces.TablePath(path)); err == nil {
		t.Error("the table of the old one is beside the new one")
	}
	mustAll(t, l.Seal(ctx), prove(t, Open(path)))
}

// What a run that was killed between the names of pieces has left is complete before anything else
// is written beside it.
func TestKilledBetweenNames(t *testing.T) {
	ctx, dir, key := t.Context(), t.TempDir(), newKey(t)
	path := filepath.Join(dir, "m.tar")
	sealed(t, path, key, strings.Repeat("a", 9000), "a:1")
	rows, err := filepath.Glob(path + ".0??")
	mustAll(t, err, pieces.DropTable(path))
	slices.Sort(rows)
	for i, name := range rows[1:] { // the first piece has its name already
		mustAll(t, os.Rename(name, pieces.Name(pieces.Staged(path), i+2)))
	}
	mustAll(t, os.WriteFile(path+".renaming", fmt.Appendln(nil, len(rows)), 0o600))
	if _, err := pieces.OpenLocked(pieces.Staged(path), pieces.Mode{Most: 4096, Create: true}); !errors.Is(err, pieces.ErrLocked) {
		t.Errorf("got %v", err)
	}
	for _, name := range rows { // a backup by hard links
		if err := os.Link(name, name+".backup"); err != nil {
			mustAll(t, os.Link(strings.Replace(name, ".tar.", ".tar.part.", 1), name+".backup"))
		}
	}
	l := Open(path)
	mustAll(t, l.SetForm(Form{Split: 4096, Key: key}), add(l, "b", "b:1"), l.Seal(ctx), prove(t, Open(path)))
	if held, err := Open(path).Blobs(); len(held) != 2 || err != nil {
		t.Errorf("it holds %v, %v", held, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part*")); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}

// A layout that comes while a run goes on is not taken for one that was proven.
func TestProveResults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.tar")
	l := Open(path)
	none := func([]byte) error { return nil }
	if is, err := l.Prove(t.Context(), none); is != Absent || err != nil {
		t.Errorf("of no layout: %d, %v", is, err)
	}
	sealed(t, path, newKey(t), "a", "a:1")
	if is, err := l.Prove(t.Context(), none); is != Proven || err != nil {
		t.Errorf("of one with a table: %d, %v", is, err)
	}
	plain := Open(filepath.Join(t.TempDir(), "p.tar"))
	mustAll(t, add(plain, "a", "a:1"))
	dir := Open(filepath.Join(t.TempDir(), "d"))
	mustAll(t, add(dir, "a", "a:1"))
	for _, l := range []*Layout{plain, dir} {
		if is, err := l.Prove(t.Context(), none); is != Plain || err != nil {
			t.Errorf("%s: %d, %v", l.Path(), is, err)
		}
	}
}
