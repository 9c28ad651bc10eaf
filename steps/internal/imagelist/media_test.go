package imagelist

import (
	"context"
	"encoding/base64"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/minisign"
	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
	"github.com/bayplan/bayplan/internal/pieces"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
)

// medium makes an archive in three pieces with a signed table, and the file of the public key.
func medium(t *testing.T) (base, key string) {
	t.Helper()
	base, key = filepath.Join(t.TempDir(), "media.tar"), filepath.Join(t.TempDir(), "centre.pub")
	public, secret, err := minisign.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := minisign.NewSecretKey("centre.key", secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	l, blob := ocilayout.Open(base), strings.Repeat("x", 6000)
	if err := l.SetForm(ocilayout.Form{Split: 4096, Key: k}); err != nil {
		t.Fatal(err)
	}
	err = errors.Join(l.Begin(t.Context()), l.Put(digest.FromString(blob), int64(len(blob)), strings.NewReader(blob)))
	if err := errors.Join(err, l.Change(func(*layoutindex.Index) error { return nil }), l.Commit(), l.Seal(t.Context()), os.WriteFile(key, public, 0o600)); err != nil {
		t.Fatal(err)
	}
	return base, key
}

func newClient(t *testing.T) *registry.Client {
	t.Helper()
	c, err := registry.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func checkSigned(t *testing.T, base, key string) error {
	t.Helper()
	return checkMedium(t.Context(), &runner.Disk{}, newClient(t), Entry{ListedImage: tripleo.ListedImage{Name: registry.LayoutPrefix + base}, Key: key})
}

// flip changes one bit of a file.
func flip(t *testing.T, path string, bit int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[bit/8] ^= 1 << (bit % 8)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// One changed bit of any piece is found, whatever it is of: headers of entries, blobs, what fills
// them up, the index or the end mark. The piece is named.
func TestChangedPieces(t *testing.T) {
	base, key := medium(t)
	if err := checkSigned(t, base, key); err != nil {
		t.Fatal(err)
	}
	last, err := os.Stat(pieces.Name(base, 3))
	if err != nil {
		t.Fatal(err)
	}
	for n, size := range []int{4096, 4096, int(last.Size())} {
		for at := 0; at < size; at += 61 { // it meets each field of a header sooner or later
			path, bit := pieces.Name(base, n+1), at*8+at%8
			flip(t, path, bit)
			if err := checkSigned(t, base, key); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("the piece %s is damaged", path)) {
				t.Errorf("bit %d of piece %d: %v", bit, n+1, err)
			}
			flip(t, path, bit)
		}
	}
}

// Whichever bit is changed in the table or its signature, the medium is refused, and the file is
// named. The untrusted comment of a signature is not signed, and neither is what base64 does not
// decode.
func TestChangedTable(t *testing.T) {
	base, key := medium(t)
	table, err := os.ReadFile(pieces.TablePath(base))
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(table) * 8 {
		flip(t, pieces.TablePath(base), bit)
		if err := checkSigned(t, base, key); err == nil || !strings.Contains(err.Error(), pieces.TablePath(base)) {
			t.Errorf("bit %d of the table may change: %v", bit, err)
		}
		flip(t, pieces.TablePath(base), bit)
	}
	path := pieces.SignaturePath(base)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for bit := (strings.Index(string(text), "\n") + 1) * 8; bit < len(text)*8; bit++ {
		flip(t, path, bit)
		now, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkSigned(t, base, key); !meansSame(text, now) && (err == nil || !strings.Contains(err.Error(), path)) {
			t.Errorf("byte %d of the signature may become %q: %v", bit/8, now[bit/8], err)
		}
		flip(t, path, bit)
	}
	_, other := medium(t)
	if err := checkSigned(t, base, other); err == nil || !strings.Contains(err.Error(), "it is a signature by the key") {
		t.Errorf("another key: %v", err)
	}
	if err := os.Remove(pieces.SignaturePath(base)); err != nil {
		t.Fatal(err)
	}
	if err := checkSigned(t, base, key); err == nil || !strings.Contains(err.Error(), "is not signed") {
		t.Errorf("no signature: %v", err)
	}
}

// meansSame says whether two signatures are the same where they are decoded: blanks and line ends at
// the end, and bits of base64 that stand for nothing, may differ.
func meansSame(a, b []byte) bool {
	lines := func(text []byte) []string {
		all := strings.Split(strings.TrimSpace(string(text)), "\n")
		for _, i := range []int{1, 3} {
			if i < len(all) {
				raw, _ := base64.StdEncoding.DecodeString(all[i])
				all[i] = string(raw)
			}
		}
		return all
	}
	return slices.Equal(lines(a), lines(b))
}

// A recalling World tells digests that it has not computed.
type recalling struct {
	runner.World
	told map[string]string
}

func (r recalling) Sum(_ context.Context, path string, _ ...runner.Algo) (map[runner.Algo]string, error) {
	return map[runner.Algo]string{runner.SHA256: r.told[path]}, nil
}

// What an earlier run has read of a medium proves nothing: who makes a medium chooses the times
// and the numbers of its files.
func TestMediaAreNotRecalled(t *testing.T) {
	base, key := medium(t)
	table, _, row, err := pieces.Files(base)
	if err != nil {
		t.Fatal(err)
	}
	w := recalling{&runner.Disk{}, map[string]string{}}
	for i, e := range table {
		w.told[row.Paths[i]] = e.SHA256
	}
	flip(t, row.Paths[1], 5)
	entry := Entry{ListedImage: tripleo.ListedImage{Name: registry.LayoutPrefix + base}, Key: key}
	if err := checkMedium(t.Context(), w, newClient(t), entry); err == nil || !strings.Contains(err.Error(), "media.tar.002 is damaged") {
		t.Errorf("got %v", err)
	}
}
