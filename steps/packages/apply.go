package packages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/rpm"
	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/runner"
)

// apply unpacks the files that are missing or different. A package from a repository
// is fetched first. It confirms the files that it has unpacked by their identity,
// since they were hashed while they were written, and all others by their digests.
func (d *diff) apply(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
	if d.makeInto {
		if _, err := durable.MkdirAll(d.into(), 0o755); err != nil {
			return nil, err
		}
		p.Done(d.intoItem())
	}
	var unpacked map[string]runner.FileID
	if len(d.todo) > 0 {
		var err error
		if unpacked, err = d.unpack(ctx, p); err != nil {
			return nil, err
		}
	}
	if err := d.cleanUp(); err != nil {
		return nil, err
	}
	return d.outputs(), d.confirm(ctx, unpacked)
}

// cleanUp removes the fetched package and what killed runs have left.
func (d *diff) cleanUp() error {
	root, err := os.OpenRoot(d.into())
	if err != nil {
		return err
	}
	defer root.Close()
	if err := archive.Clear(root, d.stageSource()); err != nil || d.listed == nil {
		return err
	}
	if err := download.RemoveParts(d.downloadPath(), ""); err != nil {
		return err
	}
	if err := os.Remove(d.downloadPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// unpack unpacks the files and gives the identity of each, by name.
func (d *diff) unpack(ctx context.Context, p runner.Progress) (map[string]runner.FileID, error) {
	file := string(d.RPM)
	if d.listed != nil {
		if err := d.fetch(ctx); err != nil {
			return nil, err
		}
		file = d.downloadPath()
	}
	payload, err := d.open(file)
	if err != nil {
		return nil, fmt.Errorf("package %s: %w", d.pkg.NEVRA(), err)
	}
	tar := d.pkg.Tar(ctx, payload, d.todo)
	defer tar.Close()
	root, err := os.OpenRoot(d.into())
	if err != nil {
		return nil, err
	}
	defer root.Close()
	items := map[string]runner.Item{}
	for i, pick := range d.todo {
		items[pick.Name] = d.items[i]
	}
	_, err = archive.Extract(ctx, tar, root, archive.Extraction{
		Source: d.stageSource(),
		Key:    d.key(),
		Moved:  p.Add,
		Done:   func(e archive.Entry, _ bool) { p.Done(items[e.Name]) },
	})
	if err != nil {
		return nil, fmt.Errorf("unpack %s into %s: %w", d.pkg.NEVRA(), d.into(), err)
	}
	unpacked := map[string]runner.FileID{}
	for _, pick := range d.todo {
		fi, err := os.Lstat(d.target(pick))
		if err != nil {
			return nil, err
		}
		unpacked[pick.Name] = runner.Identify(fi)
	}
	return unpacked, nil
}

// key gives a text that differs for every package and every selection of its files.
func (d *diff) key() string {
	key := d.pkg.HeaderSHA256()
	for _, pick := range d.todo {
		key += " " + pick.Name + "=" + pick.File.Path
	}
	return key
}

// open opens the package and skips to its payload. It gives an error for another
// package than the one that Diff saw.
func (d *diff) open(file string) (io.ReadCloser, error) {
	r, err := textfile.OpenRegular(file)
	if err != nil {
		return nil, err
	}
	now, err := rpm.Read(r)
	if err == nil && now.HeaderSHA256() != d.pkg.HeaderSHA256() {
		err = errors.New("the package changed after the diff")
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// fetch downloads the package, unless an earlier run has downloaded all of it.
func (d *diff) fetch(ctx context.Context) error {
	address := d.addressOf(d.listed.Href)
	job := download.Download{
		Request: download.Request{URL: address}, To: d.downloadPath(), Mode: 0o600,
		Want: download.Digests{SHA256: d.listed.SHA256},
	}
	if sums, err := d.world.Sum(ctx, job.To, runner.SHA256); err == nil && sums[runner.SHA256] == d.listed.SHA256 {
		return nil
	}
	local := download.LocalPath(address)
	if local == "" {
		_, err := d.out.Downloads().Fetch(ctx, job)
		return err
	}
	r, err := textfile.OpenRegular(local)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = download.Copy(ctx, r, d.listed.Size, job)
	return err
}
