package untar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/runner"
)

// Verify holds every file against the archive.
func (u *untar) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	l, err := u.list(ctx, w)
	if err != nil {
		return nil, err
	}
	return u.outputs(l.entries), u.confirm(ctx, w, l.entries, nil)
}

// confirm checks every file of the archive. One that is still as it was when it was
// placed needs no reading, since it was hashed on its way; all others are hashed.
func (u *untar) confirm(ctx context.Context, w runner.World, entries []archive.Entry, placed map[string]placedEntry) error {
	var errs []error
	for _, e := range entries {
		fi, err := os.Lstat(u.path(e))
		if err == nil {
			err = u.checkShape(e, fi)
		}
		if before, ok := placed[e.Name]; err == nil && !e.IsDir() && ok && before.settled && before.id.Is(fi) {
			w.Remember(u.path(e), runner.Identify(fi), map[runner.Algo]string{runner.SHA256: e.SHA256})
		} else if err == nil && !e.IsDir() {
			err = u.checkContent(ctx, w, e)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// checkShape checks what is there for an entry, without its content.
func (u *untar) checkShape(e archive.Entry, fi fs.FileInfo) error {
	switch path := u.path(e); {
	case e.IsDir() && !fi.IsDir():
		return fmt.Errorf("%q is not a directory", path)
	case e.IsDir():
		return nil
	case !fi.Mode().IsRegular():
		return fmt.Errorf("%q is not a regular file", path)
	case fi.Size() != e.Size:
		return fmt.Errorf("%q has %d bytes, in the archive %d", path, fi.Size(), e.Size)
	}
	return nil
}

func (u *untar) checkContent(ctx context.Context, w runner.World, e archive.Entry) error {
	sums, err := w.Sum(ctx, u.path(e), runner.SHA256)
	if err != nil {
		return err
	}
	if got := sums[runner.SHA256]; got != e.SHA256 {
		return fmt.Errorf("%q has sha256 %s, in the archive %s", u.path(e), got, e.SHA256)
	}
	return nil
}
