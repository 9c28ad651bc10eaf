package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/runner"
)

// apply fetches the file from the first address that has the right one. The
// download checks the bytes while it writes them, so apply confirms the outputs.
// When the file was there already, it gives no outputs, and Verify looks.
func (d *diff) apply(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
	if d.same {
		return nil, d.tidy(p)
	}
	var errs []error
	for _, address := range d.addressOrder() {
		got, err := d.fetchFrom(ctx, address, p)
		if err == nil {
			return d.confirm(got, d.doneItem(address, got, errs), p)
		}
		if ctx.Err() != nil {
			return nil, err
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// addressOrder gives the addresses in the order of the plan, with those that gave
// an error during the diff last.
func (d *diff) addressOrder() []string {
	reachable := slices.DeleteFunc(slices.Clone(d.urls()), func(address string) bool { return slices.Contains(d.unreachable, address) })
	return append(reachable, d.unreachable...)
}

// confirm checks the file that was fetched. The download has hashed and compared
// its bytes; its mode, size and time are read from the disk now.
func (d *diff) confirm(got download.Result, it runner.Item, p runner.Progress) (runner.Outputs, error) {
	fi, err := os.Stat(d.target())
	if err == nil {
		err = d.checkMode(fi)
	}
	if err != nil {
		return nil, err
	}
	if d.want.IsZero() {
		if err := checkUnpinned(got.Remote, fi); err != nil {
			return nil, fmt.Errorf("%s: %w", d.To, err)
		}
	}
	d.world.Remember(d.target(), runner.Identify(fi), map[runner.Algo]string{runner.SHA256: got.SHA256})
	p.Done(it)
	d.filled[d.target()] = contentOf(download.Digests{SHA256: got.SHA256, SHA512: d.want.SHA512, MD5: d.want.MD5}, fi.Size())
	return d.fetchFile.outputs(got.SHA256, fi.Size()), nil
}

// tidy sets the mode of an existing file where it is wrong, and removes leftovers.
func (d *diff) tidy(p runner.Progress) error {
	if d.chmod {
		if err := os.Chmod(d.target(), d.mode()); err != nil {
			return err
		}
		p.Done(runner.Item{Op: runner.Update, What: "file", Name: d.target()})
	}
	return download.RemoveParts(d.target(), "")
}

func (d *diff) fetchFrom(ctx context.Context, address string, p runner.Progress) (download.Result, error) {
	job := download.Download{
		Request: d.request(address), To: d.target(), Mode: d.mode(),
		Want: d.want, Check: d.signature, Moved: p.Add,
	}
	if _, ok := artifactIn(address); ok {
		b, err := d.blobAt(ctx, d.world, address)
		if err == nil {
			job.Want, err = b.within(d.want)
		}
		if err != nil {
			return download.Result{}, err
		}
		job.URL, job.Source = address+"#"+b.file.Digest, d.source(b)
		return d.out.Downloads().Fetch(ctx, job)
	}
	local := download.LocalPath(address)
	if local == "" {
		return d.out.Downloads().Fetch(ctx, job)
	}
	r, err := textfile.OpenRegular(local)
	if err != nil {
		return download.Result{}, err
	}
	defer r.Close()
	fi, err := r.Stat()
	if err != nil {
		return download.Result{}, err
	}
	return download.Copy(ctx, r, fi.Size(), job)
}

// doneItem gives the item of a fetched file, with the address that it came from,
// the bytes that were there already and the errors of other addresses.
func (d *diff) doneItem(address string, got download.Result, failed []error) runner.Item {
	it := d.item()
	it.Bytes = got.Size
	notes := []string{}
	if len(d.urls()) > 1 {
		notes = append(notes, "from "+hostOf(address))
	}
	if got.Resumed > 0 {
		notes = append(notes, human.Size(got.Resumed)+" were there already")
	}
	notes = append(notes, d.notes...)
	for _, err := range failed {
		notes = append(notes, err.Error())
	}
	if d.want.IsZero() && d.signature == nil {
		notes = append(notes, "sha256 "+got.SHA256)
	}
	it.Note = strings.Join(notes, "; ")
	return it
}
