package steps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/place"
)

// A bootFound is one file of the boot directory: what it is to be a copy of,
// and what is to be done about it.
type bootFound struct {
	place.Copy
	op      runner.Op // "" for nothing
	note    string
	publish bool // only its mode is wrong
}

// surveyBoot compares the files in the boot directory with their sources.
func (s *glanceUpload) surveyBoot(ctx context.Context, w runner.World, files map[string]imageFile) ([]bootFound, error) {
	if s.HTTPBoot == "" {
		return nil, nil
	}
	dir := string(s.HTTPBoot)
	if err := checkBootDir(w, dir); err != nil {
		return nil, err
	}
	var found []bootFound
	for _, pair := range s.bootFiles() {
		m := files[pair[0]]
		b := bootFound{Copy: place.Copy{From: m.Path, To: pair[1], Size: m.Size, SHA512: m.SHA512}}
		if err := b.look(ctx, w); err != nil {
			return nil, err
		}
		found = append(found, b)
	}
	for _, b := range found {
		if b.op != "" {
			return found, checkWritable(dir)
		}
	}
	return found, nil
}

func checkBootDir(w runner.World, dir string) error {
	fi, err := w.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.WithHint(fmt.Errorf("the boot directory %s is not there", dir),
			"let a mkdir step make it and name that step in needs, or make it: sudo install -d -o $USER "+dir)
	case err != nil:
		return err
	case !fi.IsDir():
		return fmt.Errorf("the boot directory %s is not a directory", dir)
	}
	return nil
}

// look says what is to be done about the file.
func (b *bootFound) look(ctx context.Context, w runner.World) error {
	fi, err := w.Stat(b.To)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		b.op, b.note = runner.Create, "it is not there"
		return nil
	case err != nil:
		return err
	case !fi.Mode().IsRegular():
		return fmt.Errorf("%s is in the way: it is not a regular file", b.To)
	case fi.Size() != b.Size:
		b.op, b.note = runner.Replace, "its content differs from "+b.From
		return nil
	}
	sums, err := w.Sum(ctx, b.To, runner.SHA512)
	switch {
	case errors.Is(err, fs.ErrPermission) || err == nil && !place.Readable(fi.Mode()) && sums[runner.SHA512] == b.SHA512:
		return b.unreadable(fi, err)
	case err != nil:
		return err
	case sums[runner.SHA512] != b.SHA512:
		b.op, b.note = runner.Replace, "its content differs from "+b.From
	}
	return nil
}

// unreadable is about a file that the boot server cannot read.
func (b *bootFound) unreadable(fi fs.FileInfo, err error) error {
	mode := fmt.Sprintf("its mode is %04o, so that not everybody can read it", fi.Mode().Perm())
	if err != nil { // nor can we: what it holds does not matter
		b.op, b.note = runner.Replace, mode
		return nil
	}
	b.op, b.note, b.publish = runner.Update, mode, true
	return nil
}

func (b bootFound) item() runner.Item {
	it := runner.Item{Op: b.op, What: "file", Name: b.To, Note: b.note, Bytes: b.Size}
	switch {
	case b.publish:
		it.Bytes = 0
	case b.op == runner.Create:
		it.Note = "from " + b.From
	}
	return it
}

// file is the file that will be there.
func (b bootFound) file(w runner.World) runner.File {
	return runner.File{
		Path: b.To, Size: b.Size, Mode: place.Mode,
		Sums: map[runner.Algo]string{runner.SHA512: b.SHA512},
		Open: func() (io.ReadCloser, error) { return w.Open(b.From) },
	}
}

// do places the file, or makes it readable.
func (b bootFound) do(ctx context.Context, p runner.Progress) error {
	if b.publish {
		if err := place.Publish(b.To); err != nil && !errors.Is(err, os.ErrPermission) {
			return err
		} else if err == nil {
			p.Done(b.item())
			return nil
		}
		// Somebody else's file cannot be changed, but it can be replaced.
	}
	c := b.Copy
	c.Sent = p.Add
	if err := c.Do(ctx); err != nil {
		return err
	}
	p.Done(b.item())
	return nil
}
