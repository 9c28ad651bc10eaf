package pieces

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/readers"
)

// Sums are digests of files by their names. Each is the one of a file as it was when it was read:
// it counts as long as the file is the same one, unchanged.
type Sums map[string]fileSum

type fileSum struct {
	info   fs.FileInfo
	sha256 string // in hex
}

// Forget drops the digests of files that were written to.
func (s Sums) Forget(names []string) {
	for _, name := range names {
		delete(s, name)
	}
}

// Sums gives the digests of a row whose files are those of the table.
func (t Table) Sums(row *Row) Sums {
	sums := Sums{}
	for i, e := range t {
		sums[e.Name] = fileSum{row.infos[i], e.SHA256}
	}
	return sums
}

// Sums reads the row from its beginning to its end, once, and gives the sha256 digests of its
// files, in hex. See gets the bytes that are hashed, in their order, and need not read all; it
// may be nil. Its errors are its own.
func (f *File) Sums(ctx context.Context, see func(io.Reader)) ([]string, error) {
	var files []io.Reader
	var hashes []hash.Hash
	for _, one := range f.all() {
		h := sha256.New()
		hashes = append(hashes, h)
		files = append(files, io.TeeReader(wholeFile(one), h))
	}
	r := readers.WithContext(ctx, io.MultiReader(files...))
	if see != nil {
		see(r)
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, make([]byte, copySize)); err != nil {
		return nil, err
	}
	sums := make([]string, len(hashes))
	for i, h := range hashes {
		sums[i] = hex.EncodeToString(h.Sum(nil))
	}
	return sums, nil
}

// copySize is how many bytes are read at a time to hash them.
const copySize = 1 << 20

func wholeFile(f *os.File) io.Reader { return io.NewSectionReader(f, 0, math.MaxInt64) }

// WriteTable writes the table of the row, which is locked. It reads the files whose digests are not
// known. It gives the table's text, and the row with the digests of its files.
func (f *File) WriteTable(ctx context.Context, known Sums) (text []byte, row *Row, sums Sums, err error) {
	row, err = Look(f.base)
	if err != nil {
		return nil, nil, nil, err
	}
	files := f.all()
	if row == nil || len(row.Paths) != len(files) {
		return nil, nil, nil, fmt.Errorf("%s: another run has just written it", f.base)
	}
	t := make(Table, len(files))
	for i, one := range files {
		name := filepath.Base(row.Paths[i])
		sum, ok := known[name]
		if !ok || !same(sum.info, row.infos[i]) {
			if sum.sha256, err = hashFile(ctx, one); err != nil {
				return nil, nil, nil, err
			}
		}
		t[i] = Entry{name, sum.sha256}
		if fi, err := one.Stat(); err != nil || !same(fi, row.infos[i]) {
			return nil, nil, nil, fmt.Errorf("%s: another run has just written it", f.base)
		}
	}
	return t.Text(), row, t.Sums(row), durable.WriteBytes(TablePath(f.base), fileMode, t.Text())
}

// hashFile gives the digest of a file, in hex.
func hashFile(ctx context.Context, f *os.File) (string, error) {
	h := sha256.New()
	_, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{readers.WithContext(ctx, wholeFile(f))}, make([]byte, copySize))
	return hex.EncodeToString(h.Sum(nil)), err
}
