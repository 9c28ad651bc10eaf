package ocilayout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/minisign"
	"github.com/bayplan/bayplan/internal/pieces"
	"github.com/bayplan/bayplan/internal/receipt"
)

// A Form says how a layout travels.
type Form struct {
	Split int64               // most bytes of a piece, a multiple of 4096; 0 is one file
	Key   *minisign.SecretKey // signs the table of its pieces; nil: it is not signed

	Without *receipt.Receipt // names the blobs that are left out; nil: none are
}

// sealed says whether a table of pieces belongs to the archive.
func (f Form) sealed() bool { return f.Split > 0 || f.Key != nil }

// ErrForm says that two steps want an archive in different forms.
var ErrForm = errors.New("another step writes it with another split, another key or another receipt")

// SetForm says how the layout travels, before anything of it is written. One in a directory is
// neither split nor signed.
func (l *Layout) SetForm(f Form) error {
	if s, ok := l.store.(*tarStore); ok {
		if err := s.setForm(f); err != nil {
			return err
		}
	}
	return l.setWithout(f.Without)
}

func (s *tarStore) setForm(f Form) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.form != nil && (s.form.Split != f.Split || !sameKey(s.form.Key, f.Key)) {
		return fault.WithHint(fmt.Errorf("%s: %w", s.path, ErrForm), "give both steps the same split and sign, or each a layout of its own")
	}
	if s.form != nil {
		return nil
	}
	s.form = &f
	if d := s.lastSeen; d != nil && d.table != nil { // what was proven stays so
		return d.main.Fits(f.Split)
	}
	s.lastSeen = nil
	return nil
}

func sameKey(a, b *minisign.SecretKey) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.IsKey(b)
}

// Present gives an error, fs.ErrNotExist, if there is no layout at the path.
func (l *Layout) Present() error {
	if !isTar(l.path) {
		_, err := os.Stat(l.path)
		return err
	}
	row, err := pieces.Look(l.path)
	if err == nil && row == nil {
		err = fmt.Errorf("%s: %w", l.path, fs.ErrNotExist)
	}
	return err
}

// Unsealed says in words what is not there that belongs to the layout: its list of what it
// leaves out, its table of pieces and its signature. It gives "" where nothing is missing, and
// where there is no layout.
func (l *Layout) Unsealed() (string, error) {
	if _, lacks, err := l.lacksNote(); err != nil || lacks {
		return "its list of what is left out", err
	}
	if s, ok := l.store.(*tarStore); ok {
		return s.unsealed()
	}
	return "", nil
}

func (s *tarStore) unsealed() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.form == nil || !s.form.sealed() || s.w != nil {
		return "", nil
	}
	d, err := s.disk()
	if err != nil || d.main == nil {
		return "", err
	}
	_, table, err := pieces.ReadTable(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return "its table of pieces", nil
	}
	if err != nil || s.form.Key == nil {
		return "", anew(s.path, err)
	}
	signature, err := pieces.ReadSmall(pieces.SignaturePath(s.path))
	if errors.Is(err, fs.ErrNotExist) {
		return "its signature", nil
	}
	if err == nil {
		err = s.form.Key.Verify(table, signature)
	}
	if err != nil {
		err := fmt.Errorf("%s: %w", pieces.SignaturePath(s.path), err)
		return "", fault.WithHint(err, "delete the archive's files, its table and its signature, and apply again: it is packed anew; where only the key was changed, delete the signature")
	}
	return "", nil
}

// anew adds to the error about an archive in the place where it is packed what helps there.
func anew(path string, err error) error {
	return fault.WithHint(err, "delete the files of "+path+", its table and its signature, and apply again: it is packed anew")
}

// Ready makes sure, before anything is added to the layout, that its key can sign, and that the
// pieces that are there are those of their table: it goes when they change. It reads them once in
// each run.
func (l *Layout) Ready(ctx context.Context) error {
	s, ok := l.store.(*tarStore)
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.form != nil && s.form.Key != nil {
		if err := s.form.Key.Check(); err != nil {
			return err
		}
	}
	return s.verifyPieces(ctx)
}

// VerifyPieces reads the pieces once in each run, and gives an error for each that is not the one
// that its table names. The layout is where it is packed.
func (l *Layout) VerifyPieces(ctx context.Context) error {
	s, ok := l.store.(*tarStore)
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.verifyPieces(ctx)
}

func (s *tarStore) verifyPieces(ctx context.Context) error {
	if s.w != nil {
		return nil // they were verified when the other execution began
	}
	_, err := s.proven(ctx)
	return err
}

// proven gives the archive, read as a whole, where it has a table of pieces and is what that says;
// nil where there is no table.
func (s *tarStore) proven(ctx context.Context) (*tarDisk, error) {
	_, _, err := pieces.ReadTable(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	is := Absent
	if err == nil {
		is, err = s.prove(ctx, func([]byte) error { return nil })
	}
	if err != nil {
		return nil, anew(s.path, err)
	}
	if is != Proven {
		return nil, nil // the archive that the table names is not there
	}
	return s.lastSeen, nil
}

// Seal writes what Unsealed says, unless another execution still adds to the layout and seals it
// afterwards.
func (l *Layout) Seal(ctx context.Context) error {
	if err := l.note(ctx); err != nil {
		return err
	}
	s, ok := l.store.(*tarStore)
	if !ok {
		return nil
	}
	lacks, err := s.unsealed()
	if err != nil || lacks == "" {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w != nil || s.users > 0 {
		return nil
	}
	f, err := pieces.OpenLocked(s.path, pieces.Mode{Most: s.form.Split})
	if err != nil {
		return err
	}
	if err = s.seal(ctx, f); err != nil {
		err = fmt.Errorf("%s: its table of pieces: %w", s.path, err)
	}
	return errors.Join(err, f.Unlock()) // what was found refers to it
}

// seal signs a table only if it is the one of the pieces, which it reads as far as their digests
// are not known. From then on the archive counts as read.
func (s *tarStore) seal(ctx context.Context, f *pieces.File) error {
	d, err := s.proven(ctx)
	if err != nil {
		return err
	}
	if d == nil {
		if d, err = s.writeTable(ctx, f); err != nil {
			return err
		}
		s.lastSeen = d
	}
	if s.form.Key == nil {
		return nil
	}
	signature, err := s.form.Key.Sign(filepath.Base(pieces.TablePath(s.path)), d.table)
	if err != nil {
		return err
	}
	return durable.WriteBytes(pieces.SignaturePath(s.path), layoutMode, signature)
}

func (s *tarStore) writeTable(ctx context.Context, f *pieces.File) (*tarDisk, error) {
	text, row, sums, err := f.WriteTable(ctx, s.known)
	if err != nil {
		return nil, err
	}
	d := &tarDisk{main: row, sums: sums, table: text}
	if err := d.readMain(f, s.path); err != nil {
		return nil, err
	}
	return d, nil
}
