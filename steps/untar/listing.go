package untar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
)

// entriesDigest is the name under which the digest of an archive's entries is
// remembered, beside the digests of the file itself.
const entriesDigest runner.Algo = "tar-entries"

// A listing is what is in an archive that has been read to its end.
type listing struct {
	entries []archive.Entry
	digest  string
}

// recall gives the remembered digest of the archive's entries, or "" when the archive
// has to be read for it. An archive without the digest of the plan is an error.
func (u *untar) recall(w runner.World) (string, error) {
	switch fi, err := w.Stat(string(u.Archive)); {
	case errors.Is(err, fs.ErrNotExist):
		return "", u.notFound()
	case err != nil:
		return "", fmt.Errorf("read archive %s: %w", u.Archive, err)
	case fi.IsDir():
		err := fmt.Errorf("archive %s is a directory", u.Archive)
		return "", fault.WithHint(err, "name a file under archive; a directory needs no unpacking")
	case !fi.Mode().IsRegular():
		return "", fmt.Errorf("archive %s is not a regular file (%s)", u.Archive, fi.Mode().Type())
	}
	if u.listed != nil {
		return u.listed.digest, nil
	}
	if u.SHA256 == "" {
		sums, _ := w.Recall(string(u.Archive), entriesDigest)
		return sums[entriesDigest], nil
	}
	sums, ok := w.Recall(string(u.Archive), entriesDigest, runner.SHA256)
	if got := sums[runner.SHA256]; got != "" && got != u.SHA256 {
		return "", u.withHint(fmt.Errorf("archive %s: %w", u.Archive, &archive.DigestError{Got: got, Want: u.SHA256}))
	}
	if !ok {
		return "", nil
	}
	return sums[entriesDigest], nil
}

func (u *untar) notFound() error {
	err := fmt.Errorf("archive %s: %w", u.Archive, fs.ErrNotExist)
	hint := "put it there, or correct the path under archive"
	if strings.HasPrefix(string(u.Archive), "/usr/share/rhosp-director-images/") {
		hint = "install the packages rhosp-director-images and rhosp-director-images-ipa, or correct the path under archive"
	}
	return fault.WithHint(err, hint)
}

// readArchive reads the whole archive, once in a run.
func (u *untar) readArchive(ctx context.Context, w runner.World) (*listing, error) {
	if u.listed != nil {
		return u.listed, nil
	}
	r, id, err := u.open(ctx, w)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	o := u.options()
	// Glance identifies images by this digest, so a diff of their upload needs it.
	o.SHA512 = true
	entries, err := archive.List(ctx, r, o)
	if err == nil {
		err = u.checkExpected(entries)
	}
	if err != nil {
		return nil, fmt.Errorf("read archive %s: %w", u.Archive, u.withHint(err))
	}
	u.listed = &listing{entries, u.remember(w, id, entries)}
	return u.listed, nil
}

// remember gives the digest of the entries of an archive that has been read, and
// stores it in the world's memory.
func (u *untar) remember(w runner.World, id *runner.FileID, entries []archive.Entry) string {
	digest := "entries-sha256:" + archive.Digest(entries)
	if id != nil {
		sums := map[runner.Algo]string{entriesDigest: digest}
		if u.SHA256 != "" {
			sums[runner.SHA256] = u.SHA256 // reading has checked it
		}
		w.Remember(string(u.Archive), *id, sums)
	}
	return digest
}

// open opens the archive. The identity is nil for an archive that is only planned.
// For an archive that an earlier step has just written, open waits for the clock:
// without that, its digests could not be remembered.
func (u *untar) open(ctx context.Context, w runner.World) (io.ReadCloser, *runner.FileID, error) {
	r, err := w.Open(string(u.Archive))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, u.notFound()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read archive %s: %w", u.Archive, err)
	}
	f, ok := r.(*os.File)
	if !ok {
		return r, nil, nil
	}
	fi, err := f.Stat()
	if err == nil && !fi.ModTime().After(time.Now()) {
		err = waitForClockTick(ctx, fi.ModTime())
	}
	if err == nil {
		fi, err = f.Stat()
	}
	if err != nil {
		r.Close()
		return nil, nil, fmt.Errorf("read archive %s: %w", u.Archive, err)
	}
	id := runner.Identify(fi)
	return r, &id, nil
}

func (u *untar) options() archive.Options {
	return archive.Options{SHA256: u.SHA256, Limits: u.archiveLimits()}
}

// peek is the Diff before an apply. It looks at what can be seen of the archive
// without reading all of it. It gives nil when that does not show for certain that
// something has to be done.
func (u *untar) peek(ctx context.Context, w runner.World) (*runner.Finding, error) {
	r, _, err := u.open(ctx, w)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	f, ok := r.(io.ReadSeeker)
	if !ok {
		return nil, nil
	}
	entries, all, err := archive.Skim(ctx, f, u.options())
	if err == nil && all {
		err = u.checkExpected(entries)
	}
	if err != nil {
		return nil, fmt.Errorf("read archive %s: %w", u.Archive, u.withHint(err))
	}
	d := diff{untar: u, world: w, entries: entries, full: all, applying: true}
	if err := d.compare(ctx); err != nil {
		return nil, fmt.Errorf("unpack %s: %w", u.Archive, err)
	}
	if len(d.items) == 0 && !u.leftover() {
		return nil, nil
	}
	return d.finding(ctx, u.laterOutputs()), nil
}
