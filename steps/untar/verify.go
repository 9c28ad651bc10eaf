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

// Verify holds every file against the archive. What this run has just written
// itself was hashed on its way, and is only looked at; all else is hashed.
func (u *untar) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	entries, placed := []archive.Entry(nil), map[string]placedEntry{}
	if u.unpacked != nil {
		entries, placed = u.unpacked.entries, u.unpacked.placed
	} else {
		l, err := u.list(ctx, w)
		if err != nil {
			return nil, err
		}
		entries = l.entries
	}
	var errs []error
	for _, e := range entries {
		before, ok := placed[e.Name]
		errs = append(errs, u.verify(ctx, w, e, ok && before.settled, before.seen))
	}
	return u.outputs(entries), errors.Join(errs...)
}

func (u *untar) verify(ctx context.Context, w runner.World, e archive.Entry, wrote bool, seen runner.Sight) error {
	path := u.path(e)
	fi, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case e.IsDir() && !fi.IsDir():
		return fmt.Errorf("%q is not a directory", path)
	case e.IsDir():
		return nil
	case !fi.Mode().IsRegular():
		return fmt.Errorf("%q is not a regular file", path)
	case fi.Size() != e.Size:
		return fmt.Errorf("%q has %d bytes, in the archive %d", path, fi.Size(), e.Size)
	}
	return u.verifyContent(ctx, w, e, wrote && seen.Is(fi), fi)
}

func (u *untar) verifyContent(ctx context.Context, w runner.World, e archive.Entry, wrote bool, fi fs.FileInfo) error {
	if wrote {
		if memory, ok := w.(runner.Rememberer); ok {
			memory.Remember(u.path(e), runner.See(fi), map[runner.Algo]string{runner.SHA256: e.SHA256})
		}
		return nil
	}
	sums, err := w.Sum(ctx, u.path(e), runner.SHA256)
	if err != nil {
		return err
	}
	if got := sums[runner.SHA256]; got != e.SHA256 {
		return fmt.Errorf("%q has sha256 %s, in the archive %s", u.path(e), got, e.SHA256)
	}
	return nil
}
