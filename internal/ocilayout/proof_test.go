package ocilayout

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/minisign"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
	"github.com/bayplan/bayplan/internal/pieces"
	"github.com/bayplan/bayplan/internal/receipt"
)

// sealed makes an archive in pieces of 4096 bytes, with a signed table, whose index has a name.
func sealed(t *testing.T, path string, key *minisign.SecretKey, blob, name string) {
	t.Helper()
	l := Open(path)
	if err := l.SetForm(Form{Split: 4096, Key: key}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(add(l, blob, name), l.Seal(t.Context())); err != nil {
		t.Fatal(err)
	}
}

func add(l *Layout, blob, name string) error {
	d := digest.FromString(blob)
	return errors.Join(l.Begin(context.Background()), l.Put(d, int64(len(blob)), strings.NewReader(blob)), l.Change(func(idx *layoutindex.Index) error {
		idx.Insert(descriptor.Descriptor{Digest: d, Size: int64(len(blob)), Annotations: map[string]string{layoutindex.NameKey: name}})
		return nil
	}), l.Commit())
}

func newKey(t *testing.T) *minisign.SecretKey {
	t.Helper()
	_, secret, err := minisign.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := minisign.NewSecretKey("centre.key", secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func prove(t *testing.T, l *Layout) error {
	t.Helper()
	is, err := l.Prove(t.Context(), func([]byte) error { return nil })
	if err == nil && is != Proven {
		t.Errorf("it is not proven, but %d", is)
	}
	return err
}

// overwrite changes the bytes of a file, and none of what else is known of it.
func overwrite(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(change(text), 0)
	if err := errors.Join(err, f.Close(), os.Chtimes(path, fi.ModTime(), fi.ModTime())); err != nil {
		t.Fatal(err)
	}
}

// Pieces that were exchanged after they were checked are not read, in whatever way that is done.
func TestProvenPiecesExchanged(t *testing.T) {
	key, good, evil := newKey(t), strings.Repeat("g", 9000), strings.Repeat("e", 9000)
	for name, exchange := range map[string]func(t *testing.T, cur, other string){
		"the directory": func(t *testing.T, cur, other string) {
			if err := errors.Join(os.Rename(cur, cur+".old"), os.Rename(other, cur)); err != nil {
				t.Fatal(err)
			}
		},
		"the last piece": func(t *testing.T, cur, other string) {
			if err := os.Rename(pieces.Name(filepath.Join(other, "m.tar"), 3), pieces.Name(filepath.Join(cur, "m.tar"), 3)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			cur, other := filepath.Join(t.TempDir(), "cur"), filepath.Join(t.TempDir(), "other")
			sealed(t, filepath.Join(cur, "m.tar"), key, good, "a:1")
			sealed(t, filepath.Join(other, "m.tar"), key, evil, "a:1")
			l := Open(filepath.Join(cur, "m.tar"))
			if err := prove(t, l); err != nil {
				t.Fatal(err)
			}
			b, err := l.Open(digest.FromString(good))
			if err != nil {
				t.Fatal(err)
			}
			exchange(t, cur, other)
			if _, err := l.Index(); err == nil || !strings.Contains(err.Error(), "was changed after its pieces were checked") || fault.Hint(err) == "" {
				t.Errorf("got %v (%s)", err, fault.Hint(err))
			}
			if text, err := io.ReadAll(b); string(text) != good || err != nil {
				t.Errorf("the open blob has other bytes, %v", err)
			}
		})
	}
}

// The index is the one that was hashed, though its place in the file holds another one by now.
func TestProvenIndexIsHashedOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.tar")
	sealed(t, path, newKey(t), strings.Repeat("g", 9000), "a:1")
	l := Open(path)
	if err := prove(t, l); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		overwrite(t, pieces.Name(path, n+1), func(b []byte) []byte {
			return []byte(strings.ReplaceAll(string(b), `"a:1"`, `"b:1"`))
		})
	}
	if idx, err := l.Index(); err != nil || len(idx.Named("a:1")) != 1 {
		t.Errorf("got %v, %v", idx, err)
	}
}

// Each run reads the pieces, though nothing of the files but their bytes has changed.
func TestProofIsNotRecalled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.tar")
	sealed(t, path, newKey(t), strings.Repeat("g", 9000), "a:1")
	if err := prove(t, Open(path)); err != nil {
		t.Fatal(err)
	}
	overwrite(t, pieces.Name(path, 2), func(b []byte) []byte { b[7] ^= 1; return b })
	if err := prove(t, Open(path)); err == nil || !strings.Contains(err.Error(), "m.tar.002 is damaged") {
		t.Errorf("got %v", err)
	}
}

// Damage gets no good digest and no signature: before an archive is added to or signed, its
// pieces are compared with its table.
func TestDamageIsNotSealed(t *testing.T) {
	key := newKey(t)
	damage := func(n int) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			overwrite(t, pieces.Name(path, n), func(b []byte) []byte { b[700] ^= 1; return b })
		}
	}
	table := func(change func(string) string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			text, err := os.ReadFile(pieces.TablePath(path))
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.WriteFile(pieces.TablePath(path), []byte(change(string(text))), 0o600), os.Remove(pieces.SignaturePath(path))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, tt := range map[string]struct {
		do   func(*testing.T, string)
		want string
	}{
		"the piece that is added to": {damage(3), "m.tar.003 is damaged"},
		"another piece":              {damage(1), "m.tar.001 is damaged"},
		"another digest in the table": {table(func(s string) string {
			if s[0] == '0' {
				return "1" + s[1:]
			}
			return "0" + s[1:]
		}), "m.tar.001 is damaged"},
		"the table's last line": {table(func(s string) string { return s[:strings.LastIndex(s[:len(s)-1], "\n")+1] }), "m.tar.003 is of another set"},
		"a table of other text": {table(func(string) string { return "x\n" }), "m.tar.pieces:1: it is not"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.tar")
			sealed(t, path, key, strings.Repeat("g", 8192), "a:1")
			tt.do(t, path)
			open := func() *Layout {
				l := Open(path)
				if err := l.SetForm(Form{Split: 4096, Key: key}); err != nil {
					t.Fatal(err)
				}
				return l
			}
			adding := add(open(), "more", "b:1")
			for what, err := range map[string]error{"ready": open().Ready(t.Context()), "adding": adding} {
				if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(fault.Hint(err), "it is packed anew") {
					t.Errorf("%s: got %v (%s)", what, err, fault.Hint(err))
				}
			}
			if _, err := os.Stat(pieces.SignaturePath(path)); strings.Contains(name, "table") {
				if err := open().Seal(t.Context()); err == nil {
					t.Error("it was sealed")
				}
				if err == nil {
					t.Error("it was signed")
				}
			}
			if _, err := os.Stat(pieces.TablePath(path)); err != nil {
				t.Error(err)
			}
		})
	}
}

// An encrypted key whose password is missing is told before anything is written.
func TestReadyNeedsThePassword(t *testing.T) {
	const encrypted = "untrusted comment: minisign encrypted secret key\n" +
		"RWRTY0IyrN9tEa+xblGgItvdhT+ytO8qgmUA1ORgQIPxiJz1SH4AAAACAAAAAAAAAEAAAAAAAMkf3FQEIocqcBg6L4LtHSYCKz8AgOrMoNVw1/mxz2+ghzVu1wJmF6GGvLg3WD4QUDVx55dru4As6zVUdllZrb6XQsjeENYd3Gh9MTlL8kxBF7+sBL2sLum+rjiDFi8S04NxV37cUKY=\n"
	none := errors.New("the variable is not set")
	k, err := minisign.NewSecretKey("a.key", []byte(encrypted), func() (string, error) { return "", none })
	if err != nil {
		t.Fatal(err)
	}
	l := Open(filepath.Join(t.TempDir(), "m.tar"))
	if err := l.SetForm(Form{Split: 4096, Key: k}); err != nil {
		t.Fatal(err)
	}
	if err := l.Ready(t.Context()); !errors.Is(err, none) {
		t.Errorf("got %v", err)
	}
}

// Where an archive is packed, a missing piece is named, and the hint is to pack anew.
// A table of one file that is not there makes no layout of pieces one that nobody has to prove.
func TestTableOfOneFileIsNoWayRound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.tar")
	sealed(t, path, newKey(t), strings.Repeat("g", 8192), "a:1")
	if err := os.WriteFile(pieces.TablePath(path), []byte(strings.Repeat("a", 64)+"  m.tar\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := prove(t, Open(path)); err == nil || !strings.Contains(err.Error(), "it is of another set") {
		t.Errorf("got %v", err)
	}
}

// Steps that write one layout leave out the same.
func TestOtherReceipt(t *testing.T) {
	r := func(size int64) *receipt.Receipt {
		return &receipt.Receipt{Of: "inside", Blobs: map[digest.Digest]receipt.Held{digest.FromString("x"): {Repository: "a", Size: size}}}
	}
	for _, path := range []string{"m.tar", "m"} {
		l := Open(filepath.Join(t.TempDir(), path))
		for i, tt := range []struct {
			without *receipt.Receipt
			ok      bool
		}{{r(1), true}, {r(1), true}, {r(2), false}, {nil, false}} {
			if err := l.SetForm(Form{Without: tt.without}); errors.Is(err, ErrForm) == tt.ok || tt.ok && err != nil {
				t.Errorf("%s, %d: %v", path, i, err)
			}
		}
	}
}

func TestMissingPieceIsNamed(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "m.tar"), newKey(t)
	sealed(t, path, key, strings.Repeat("g", 8192), "a:1")
	if err := os.Remove(pieces.Name(path, 3)); err != nil {
		t.Fatal(err)
	}
	err := Open(path).SetForm(Form{Split: 4096, Key: key})
	if err == nil || !strings.Contains(err.Error(), "m.tar.003 is missing") || !strings.Contains(fault.Hint(err), "it is packed anew") {
		t.Errorf("got %v (%s)", err, fault.Hint(err))
	}
}
