package pieces

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/textfile"
)

// TablePath is the name of the table of a row.
func TablePath(base string) string { return base + ".pieces" }

// SignaturePath is the name of the signature of a row's table.
func SignaturePath(base string) string { return TablePath(base) + ".minisig" }

// maxTable is the largest table that is read.
const maxTable = 4 << 20

// A Table names the files of a row with their digests, in their order. Its text is what
// sha256sum writes and `sha256sum -c` checks.
type Table []Entry

// An Entry is a file of a Table.
type Entry struct {
	Name   string // without a directory
	SHA256 string // in hex
}

// Text gives the content of the table's file.
func (t Table) Text() []byte {
	var b strings.Builder
	for _, e := range t {
		fmt.Fprintf(&b, "%s  %s\n", e.SHA256, e.Name)
	}
	return []byte(b.String())
}

// ReadTable reads the table of a row. The error for a missing one is fs.ErrNotExist.
func ReadTable(base string) (Table, []byte, error) {
	path := TablePath(base)
	text, err := ReadSmall(path)
	if err != nil {
		return nil, nil, err
	}
	t, err := parseTable(path, string(text))
	if err != nil {
		err = fault.WithHint(err, "copy it again, together with its signature")
	}
	if err == nil && !t.isOf(filepath.Base(base)) {
		err = fault.WithHint(fmt.Errorf("%s does not name the pieces of %s in their order", path, base), "it is of another set, or was renamed: the names of the files are part of it")
	}
	return t, text, err
}

// ReadSmall reads a small file beside a row.
func ReadSmall(path string) ([]byte, error) { return readSmall(path, maxTable) }

func readSmall(path string, most int64) ([]byte, error) {
	f, err := textfile.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s: more than %d bytes are too much", path, most)
	}
	return text, err
}

func parseTable(path, text string) (Table, error) {
	var t Table
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\r"), " ")
		if _, err := hex.DecodeString(sum); !ok || err != nil || len(sum) != 64 || len(name) < 2 || !strings.Contains(" *", name[:1]) {
			return nil, fmt.Errorf("%s:%d: it is not a sha256 digest, two blanks and the name of a file", path, i+1)
		}
		t = append(t, Entry{name[1:], strings.ToLower(sum)})
	}
	return t, nil
}

// isOf says whether the table can be that of a row: it names all its pieces, or the one file.
func (t Table) isOf(base string) bool {
	if len(t) == 1 && t[0].Name == base {
		return true
	}
	for i, e := range t {
		if e.Name != Name(base, i+1) {
			return false
		}
	}
	return true
}

// Files finds a row that is to be read, and checks the names and sizes of its files by the row's
// table. It gives no table where the row is one file without a table.
func Files(base string) (Table, []byte, *Row, error) {
	t, text, err := ReadTable(base)
	absent := errors.Is(err, fs.ErrNotExist)
	if err != nil && !absent {
		return nil, nil, nil, err
	}
	for i, e := range t {
		if path := filepath.Join(filepath.Dir(base), e.Name); !exists(path) {
			if i > 0 || e.Name != filepath.Base(base) {
				return nil, nil, nil, missing(base, i+1)
			}
			return nil, nil, nil, t.ofOne(base)
		}
	}
	if err := t.checkForeign(base); err != nil {
		return nil, nil, nil, err
	}
	row, err := Look(base)
	if err != nil {
		return nil, nil, nil, err
	}
	switch n, _ := renaming(base); {
	case row == nil:
		return nil, nil, nil, fmt.Errorf("%s: %w", base, fs.ErrNotExist)
	case absent && (row.Split || n > 0):
		err := fmt.Errorf("the table %s of its pieces is missing", TablePath(base))
		return nil, nil, nil, fault.WithHint(err, "copy it with the pieces; where they were packed, it is written when all of them are complete: apply again")
	case absent:
		return nil, nil, row, nil
	case len(row.Paths) < len(t):
		return nil, nil, nil, missing(base, len(row.Paths)+1)
	}
	return t, text, row, nil
}

// checkForeign gives an error for a piece that a table of pieces does not name.
func (t Table) checkForeign(base string) error {
	numbers, err := list(base)
	if err != nil || t == nil || t[0].Name == filepath.Base(base) {
		return err
	}
	for _, n := range numbers {
		if n > len(t) {
			err := fmt.Errorf("the piece %s is of another set: the table %s does not name it", Name(base, n), TablePath(base))
			return fault.WithHint(err, "move it away")
		}
	}
	return nil
}

// ofOne says why a row cannot be read whose table names one file, which is not there:
// fs.ErrNotExist, unless there are pieces. Without that error they would count as a row that nobody
// has to prove.
func (t Table) ofOne(base string) error {
	row, err := Look(base)
	switch {
	case err != nil:
		return err
	case row != nil:
		err := fmt.Errorf("the table %s names %s alone, and there are pieces: it is of another set", TablePath(base), t[0].Name)
		return fault.WithHint(err, "copy the table again, together with the pieces")
	}
	return fmt.Errorf("%s: %w", base, fs.ErrNotExist)
}

// A PieceError is a file that is not the one that its table names.
type PieceError struct{ Path, Has, Want string }

// Error names the piece and both digests.
func (e *PieceError) Error() string {
	return fmt.Sprintf("the piece %s is damaged, or of another set: its sha256 is %s, and its table says %s", e.Path, e.Has, e.Want)
}

// Hint says what to do about it.
func (e *PieceError) Hint() string { return "copy it again, together with the table" }

// Compare gives an error for each file whose digest is not the one of the table. It needs a path
// and a digest for each entry.
func (t Table) Compare(paths, sums []string) error {
	var errs []error
	for i, e := range t {
		if sums[i] != e.SHA256 {
			errs = append(errs, &PieceError{Path: paths[i], Has: sums[i], Want: e.SHA256})
		}
	}
	return errors.Join(errs...)
}

// DropTable removes the table of a row and its signature, before the row is changed.
func DropTable(base string) error {
	removed := false
	for _, path := range []string{SignaturePath(base), TablePath(base)} {
		err := os.Remove(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		removed = removed || err == nil
	}
	if !removed {
		return nil
	}
	return durable.SyncDir(filepath.Dir(base))
}
