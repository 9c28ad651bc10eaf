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
	"github.com/bayplan/bayplan/runner"
)

// apply unpacks what is missing or different, and fetches the package before
// where it is in a repository. It confirms the files that it has unpacked by their
// identity, as they were hashed while they were written, and all others by their
// digests.
func (d *packageDiff) apply(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
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
	if err := d.tidy(); err != nil {
		return nil, err
	}
	return d.outputs(), d.confirm(ctx, unpacked)
}

// tidy removes the package that was fetched, and what killed runs have left.
func (d *packageDiff) tidy() error {
	root, err := os.OpenRoot(d.into())
	if err != nil {
		return err
	}
	defer root.Close()
	if err := archive.Clear(root, d.stageOf()); err != nil || d.listed == nil {
		return err
	}
	if err := download.RemoveParts(d.download(), ""); err != nil {
		return err
	}
	if err := os.Remove(d.download()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// unpack gives the identity of each file that it has unpacked, by name.
func (d *packageDiff) unpack(ctx context.Context, p runner.Progress) (map[string]runner.FileID, error) {
	file := string(d.RPM)
	if d.listed != nil {
		if err := d.bring(ctx); err != nil {
			return nil, err
		}
		file = d.download()
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
		Source: d.stageOf(),
		Key:    d.key(),
		Moved:  p.Add,
		Done:   func(e archive.Entry, _ bool) { p.Done(items[e.Name]) },
	})
	if err != nil {
		return nil, fmt.Errorf("unpack %s into %s: %w", d.pkg.NEVRA(), d.into(), err)
	}
	unpacked := map[string]runner.FileID{}
	for _, pick := range d.todo {
		fi, err := os.Lstat(d.place(pick))
		if err != nil {
			return nil, err
		}
		unpacked[pick.Name] = runner.Identify(fi)
	}
	return unpacked, nil
}

// key is different for every package and choice of its files.
func (d *packageDiff) key() string {
	key := d.pkg.HeaderSHA256()
	for _, pick := range d.todo {
		key += " " + pick.Name + "=" + pick.File.Path
	}
	return key
}

// open opens the package where its payload begins, if it is the one that Diff
// saw.
func (d *packageDiff) open(file string) (io.ReadCloser, error) {
	r, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	now, err := rpm.Read(r)
	if err == nil && now.HeaderSHA256() != d.pkg.HeaderSHA256() {
		err = errors.New("it is another one than a moment ago")
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// bring fetches the package. What an earlier run has brought whole is taken.
func (d *packageDiff) bring(ctx context.Context) error {
	address := d.below(d.listed.Href)
	job := download.Download{
		Request: download.Request{URL: address}, To: d.download(), Mode: 0o600,
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
	r, err := os.Open(local)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = download.Copy(ctx, r, d.listed.Size, job)
	return err
}
