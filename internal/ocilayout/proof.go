package ocilayout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/pieces"
)

// A Proof is what is known of the bytes of a layout.
type Proof int

const (
	Absent Proof = iota // there is no layout
	Plain               // nothing says what its bytes have to be: it is a directory, or one file without a table
	Proven              // its files were read, and are those of its table
)

// Prove reads an archive that has a table of pieces, once, and gives an error unless its files are
// those of the table. check gets the text of the table before. Nothing is recalled from an earlier
// run: who makes a medium chooses the times and numbers of its files. All that is read from the
// archive afterwards comes through the files that were hashed, the index is the one that was
// hashed, and it is an error if others have taken the places of the files.
func (l *Layout) Prove(ctx context.Context, check func(table []byte) error) (Proof, error) {
	s, ok := l.store.(*tarStore)
	if !ok {
		err := l.Present()
		if errors.Is(err, fs.ErrNotExist) {
			return Absent, nil
		}
		return Plain, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.prove(ctx, check)
}

func (s *tarStore) prove(ctx context.Context, check func(table []byte) error) (Proof, error) {
	if d := s.lastSeen; d != nil && d.table != nil && d.main.Unchanged() {
		return Proven, check(d.table)
	}
	table, text, row, err := pieces.Files(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Absent, nil
	case err != nil:
		return Absent, err
	case table == nil:
		return Plain, nil
	}
	if err := check(text); err != nil {
		return Plain, err
	}
	if s.w != nil {
		return Plain, fmt.Errorf("%s: another step is writing it", s.path)
	}
	s.lastSeen = nil
	d, err := readProven(ctx, s.path, table, row)
	if err != nil {
		return Plain, err
	}
	d.table, d.sums, s.lastSeen = text, table.Sums(row), d
	return Proven, nil
}

// readProven reads an archive whose pieces have to be those of a table.
func readProven(ctx context.Context, path string, table pieces.Table, row *pieces.Row) (*tarDisk, error) {
	f, err := row.Open()
	if err != nil {
		return nil, err
	}
	l := newListing(f, 0, row.Size())
	var bad error
	sums, err := f.Sums(ctx, func(r io.Reader) { bad = l.stream(r) })
	if err == nil {
		err = table.Compare(row.Paths, sums)
	}
	if err == nil {
		err = ctx.Err()
	}
	d := &tarDisk{main: row, blobs: l.blobs}
	if err == nil {
		d.index, err = l.check(f, path, bad)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	d.inPlace, d.indexEntry = l.extensible() && !row.Linked(), *l.index
	return d, nil
}

// changedError says that an archive is not the one that was checked.
func changedError(path string) error {
	err := fmt.Errorf("%s was changed after its pieces were checked", path)
	return fault.WithHint(err, "find out who writes to it, and run it again")
}
