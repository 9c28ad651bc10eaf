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

// Verify compares every file with the archive.
func (u *untar) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	l, err := u.readArchive(ctx, w)
	if err != nil {
		return nil, err
	}
	return u.outputs(l.entries), u.confirm(ctx, w, l.entries, nil)
}

// confirm checks every file of the archive. A file that still has the identity in
// written was hashed while it was written. All others are hashed now.
func (u *untar) confirm(ctx context.Context, w runner.World, entries []archive.Entry, written map[string]writtenEntry) error {
	var errs []error
	for _, e := range entries {
		fi, err := os.Lstat(u.target(e))
		if err == nil {
			err = u.checkShape(e, fi)
		}
		if before, ok := written[e.Name]; err == nil && !e.IsDir() && ok && before.stable && before.id.Is(fi) {
			w.Remember(u.target(e), runner.Identify(fi), map[runner.Algo]string{runner.SHA256: e.SHA256})
		} else if err == nil && !e.IsDir() {
			err = u.checkContent(ctx, w, e)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// checkShape checks the kind and the size of an entry's file, but not its content.
func (u *untar) checkShape(e archive.Entry, fi fs.FileInfo) error {
	switch path := u.target(e); {
	case e.IsDir() && !fi.IsDir():
		return fmt.Errorf("%q is not a directory", path)
	case e.IsDir():
		return nil
	case !fi.Mode().IsRegular():
		return fmt.Errorf("%q is not a regular file", path)
	case fi.Size() != e.Size:
		return fmt.Errorf("%q has %d bytes, and in the archive it has %d", path, fi.Size(), e.Size)
	}
	return nil
}

func (u *untar) checkContent(ctx context.Context, w runner.World, e archive.Entry) error {
	sums, err := w.Sum(ctx, u.target(e), runner.SHA256)
	if err != nil {
		return err
	}
	if got := sums[runner.SHA256]; got != e.SHA256 {
		return fmt.Errorf("%q has sha256 %s, and in the archive it has %s", u.target(e), got, e.SHA256)
	}
	return nil
}
