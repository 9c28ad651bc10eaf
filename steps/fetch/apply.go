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
	"github.com/bayplan/bayplan/runner"
)

// apply brings the file from the first address that has the right one. What the
// download has checked while it wrote the file is confirmed; where the file was there
// already, Verify has to look.
func (d *fetchDiff) apply(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
	if d.same {
		return nil, d.tidy(p)
	}
	var errs []error
	for _, address := range d.inOrder() {
		got, err := d.from(ctx, address, p)
		if err == nil {
			return d.confirm(got, d.brought(address, got, errs), p)
		}
		if ctx.Err() != nil {
			return nil, err
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// inOrder gives the addresses in the order of the plan, but for those that
// were of no use a moment ago: they come last.
func (d *fetchDiff) inOrder() []string {
	up := slices.DeleteFunc(slices.Clone(d.urls()), func(address string) bool { return slices.Contains(d.down, address) })
	return append(up, d.down...)
}

// confirm looks at the file that came. Its bytes were hashed and compared while they
// were written; its mode, size and time are those that the disk shows now.
func (d *fetchDiff) confirm(got download.Result, it runner.Item, p runner.Progress) (runner.Outputs, error) {
	fi, err := os.Stat(d.to())
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
	d.world.Remember(d.to(), runner.Identify(fi), map[runner.Algo]string{runner.SHA256: got.SHA256})
	p.Done(it)
	return d.fetchFile.outputs(got.SHA256, fi.Size()), nil
}

// tidy is for a file that is there.
func (d *fetchDiff) tidy(p runner.Progress) error {
	if d.chmod {
		if err := os.Chmod(d.to(), d.mode()); err != nil {
			return err
		}
		p.Done(runner.Item{Op: runner.Update, What: "file", Name: d.to()})
	}
	return download.RemoveParts(d.to(), "")
}

func (d *fetchDiff) from(ctx context.Context, address string, p runner.Progress) (download.Result, error) {
	job := download.Download{
		Request: d.request(address), To: d.to(), Mode: d.mode(),
		Want: d.want, Check: d.signature, Moved: p.Add,
	}
	local := download.LocalPath(address)
	if local == "" {
		return d.out.Downloads().Fetch(ctx, job)
	}
	r, err := os.Open(local)
	if err != nil {
		return download.Result{}, err
	}
	defer r.Close()
	fi, err := r.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", local)
	}
	if err != nil {
		return download.Result{}, err
	}
	return download.Copy(ctx, r, fi.Size(), job)
}

// brought tells from where the file came when that was not the first address.
func (d *fetchDiff) brought(address string, got download.Result, failed []error) runner.Item {
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
