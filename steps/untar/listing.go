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

// untarEntries is what is remembered of an archive besides digests of the
// file: the digest of what it holds.
const untarEntries runner.Algo = "tar-entries"

// An untarListing is what was found in an archive that was read to its end.
type untarListing struct {
	entries []archive.Entry
	digest  string
}

// recall gives the digest of what the archive holds, "" where it would have to
// be read for that. An archive that is not the plan's is an error.
func (u *untar) recall(w runner.World) (string, error) {
	switch fi, err := w.Stat(string(u.Archive)); {
	case errors.Is(err, fs.ErrNotExist):
		return "", u.missing()
	case err != nil:
		return "", fmt.Errorf("read archive %s: %w", u.Archive, err)
	case fi.IsDir():
		err := fmt.Errorf("archive %s is a directory", u.Archive)
		return "", fault.WithHint(err, "write the archive's file under archive; what is a directory already need not be unpacked")
	case !fi.Mode().IsRegular():
		return "", fmt.Errorf("archive %s is not a regular file (%s)", u.Archive, fi.Mode().Type())
	}
	if u.listed != nil {
		return u.listed.digest, nil
	}
	if u.SHA256 == "" {
		sums, _ := w.Recall(string(u.Archive), untarEntries)
		return sums[untarEntries], nil
	}
	sums, ok := w.Recall(string(u.Archive), untarEntries, runner.SHA256)
	if got := sums[runner.SHA256]; got != "" && got != u.SHA256 {
		return "", u.explain(fmt.Errorf("archive %s: %w", u.Archive, &archive.DigestError{Got: got, Want: u.SHA256}))
	}
	if !ok {
		return "", nil
	}
	return sums[untarEntries], nil
}

func (u *untar) missing() error {
	err := fmt.Errorf("archive %s: %w", u.Archive, fs.ErrNotExist)
	hint := "put it there, or correct the path under archive"
	if strings.HasPrefix(string(u.Archive), "/usr/share/rhosp-director-images/") {
		hint = "install the packages rhosp-director-images and rhosp-director-images-ipa, or correct the path under archive"
	}
	return fault.WithHint(err, hint)
}

// list reads the whole archive, once in a run.
func (u *untar) list(ctx context.Context, w runner.World) (*untarListing, error) {
	if u.listed != nil {
		return u.listed, nil
	}
	r, id, err := u.open(ctx, w)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	o := u.options()
	// It is what Glance knows images by, and so what a diff of their upload
	// will want.
	o.SHA512 = true
	entries, err := archive.List(ctx, r, o)
	if err == nil {
		err = u.checkExpected(entries)
	}
	if err != nil {
		return nil, fmt.Errorf("read archive %s: %w", u.Archive, u.explain(err))
	}
	u.listed = &untarListing{entries, u.found(w, id, entries)}
	return u.listed, nil
}

// found gives the digest of what an archive that was read holds, and has the
// world remember it.
func (u *untar) found(w runner.World, id *runner.FileID, entries []archive.Entry) string {
	digest := "entries-sha256:" + archive.Digest(entries)
	if id != nil {
		sums := map[runner.Algo]string{untarEntries: digest}
		if u.SHA256 != "" {
			sums[runner.SHA256] = u.SHA256 // or reading had failed
		}
		w.Remember(string(u.Archive), *id, sums)
	}
	return digest
}

// open opens the archive. The identity is nil where it is only planned. For an
// archive that was written just now, by a step before, open waits: what is found in
// it could not be remembered otherwise.
func (u *untar) open(ctx context.Context, w runner.World) (io.ReadCloser, *runner.FileID, error) {
	r, err := w.Open(string(u.Archive))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, u.missing()
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
	return archive.Options{SHA256: u.SHA256, Limits: u.limits()}
}

// peek is the Diff before an apply: it looks at as much of the archive as can be seen
// without reading it, if that is enough to be sure that there is something to do. It
// gives nil where it is not enough.
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
		return nil, fmt.Errorf("read archive %s: %w", u.Archive, u.explain(err))
	}
	d := untarDiff{untar: u, world: w, entries: entries, full: all, applying: true}
	if err := d.compare(ctx); err != nil {
		return nil, fmt.Errorf("unpack %s: %w", u.Archive, err)
	}
	if len(d.items) == 0 && !u.leftover() {
		return nil, nil
	}
	c := d.change(ctx)
	return &runner.Finding{Outputs: u.promised(), Change: c, Notes: u.notes(c)}, nil
}
