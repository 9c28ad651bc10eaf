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

// apply brings the file from the first address that has the right one.
func (d *fetchDiff) apply(ctx context.Context, p runner.Progress) error {
	if d.same {
		return d.tidy(p)
	}
	var errs []error
	for _, address := range d.inOrder() {
		got, err := d.from(ctx, address, p)
		if err == nil {
			return d.keep(got, d.brought(address, got, errs), p)
		}
		if ctx.Err() != nil {
			return err
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// inOrder gives the addresses in the order of the plan, but for those that
// were of no use a moment ago: they come last.
func (d *fetchDiff) inOrder() []string {
	up := slices.DeleteFunc(slices.Clone(d.urls()), func(address string) bool { return slices.Contains(d.down, address) })
	return append(up, d.down...)
}

// keep notes what came, and how it stands there.
func (d *fetchDiff) keep(got download.Result, it runner.Item, p runner.Progress) error {
	fi, err := os.Stat(d.to())
	if err != nil {
		return err
	}
	d.got, d.seen = &got, runner.See(fi)
	p.Done(it)
	return nil
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
