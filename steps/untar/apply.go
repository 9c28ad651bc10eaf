package untar

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/readers"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// An untarResult is what an Apply has left.
type untarResult struct {
	entries []archive.Entry
	digest  string
	placed  map[string]placedEntry // by name; files that it has written
}

// A placedEntry is how a file was when it had got its name.
type placedEntry struct {
	seen    runner.Sight
	settled bool // nobody can have written to it since without a trace
}

// apply unpacks what is missing or different.
func (d *untarDiff) apply(ctx context.Context, p runner.Progress) error {
	if d.makeInto {
		if _, err := durable.MkdirAll(d.into(), 0o755); err != nil {
			return err
		}
		p.Done(d.intoItem())
	}
	if err := d.extract(ctx, p); err != nil {
		return fmt.Errorf("unpack %s into %s: %w", d.Archive, d.into(), d.explain(err))
	}
	return nil
}

// intoItem is about the directory unpacked into, where it is made.
func (d *untarDiff) intoItem() runner.Item {
	return runner.Item{Op: runner.Create, What: "directory", Name: d.into()}
}

func (d *untarDiff) extract(ctx context.Context, p runner.Progress) error {
	root, err := os.OpenRoot(d.into())
	if err != nil {
		return err
	}
	defer root.Close()
	packed, seen, err := d.open(ctx, d.world)
	if err != nil {
		return err
	}
	defer packed.Close()
	result := &untarResult{placed: map[string]placedEntry{}}
	var last time.Time // that something was written
	x := archive.Extraction{
		Options: d.options(),
		Source:  string(d.Archive),
		Key:     d.key(seen),
		Have:    d.have(),
		Check: func(entries []archive.Entry) error {
			d.see(entries)
			return errors.Join(d.checkExpected(entries), settle(ctx, last))
		},
		Moved: func(n int64) {
			last = time.Now()
			if d.full {
				p.Add(n)
			}
		},
		Done: func(e archive.Entry, placed bool) { d.done(result, p, e, placed) },
	}
	if !d.hasty {
		x.Want = d.entries
	}
	r := io.Reader(packed)
	if !d.full {
		r = readers.Counting(packed, p.Add)
	}
	if result.entries, err = archive.Extract(ctx, r, root, x); err != nil {
		return err
	}
	if !d.full {
		p.Done(d.contents())
	}
	result.digest = d.found(d.world, seen, result.entries)
	d.unpacked = result
	return nil
}

// settleTime is longer than the clock of a file system takes from one tick to
// the next: what was written within one tick may change without a trace.
const settleTime = 50 * time.Millisecond

// settle waits until a change to what was written last would show in its
// times. Without it the digests that are known by now could not be remembered,
// and Verify and the next run would have to read the files.
func settle(ctx context.Context, last time.Time) error {
	select {
	case <-time.After(time.Until(last.Add(settleTime + 10*time.Millisecond))):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// have gives the files that need not be written.
func (d *untarDiff) have() []archive.Entry {
	if d.hasty {
		return d.known
	}
	return d.same
}

// key tells an archive with all that decides what comes of it from all others.
// It is "" for one that may be written to just now.
func (d *untarDiff) key(seen *runner.Sight) string {
	if seen == nil || seen.Key() == "" {
		return ""
	}
	config, err := json.Marshal(d.untar)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(append(config, seen.Key()...))
	return hex.EncodeToString(sum[:])
}

// done takes down what an entry is in its place.
func (d *untarDiff) done(r *untarResult, p runner.Progress, e archive.Entry, placed bool) {
	if placed {
		if fi, err := os.Lstat(d.path(e)); err == nil {
			r.placed[e.Name] = placedEntry{runner.See(fi), time.Since(fi.ModTime()) > settleTime}
		}
	}
	if item, ok := d.items[e.Name]; ok && (placed || e.IsDir()) {
		p.Done(item)
	}
}

// see adds to the items what in haste is only seen when the archive was read.
func (d *untarDiff) see(entries []archive.Entry) {
	for _, e := range entries {
		if _, ok := d.items[e.Name]; ok || !d.hasty {
			continue
		}
		item := runner.Item{Op: runner.Create, What: "file", Name: d.path(e), Bytes: e.Size}
		_, err := os.Lstat(d.path(e))
		switch {
		case err == nil && e.IsDir():
			continue
		case err == nil:
			item.Op = runner.Replace
		case e.IsDir():
			item.What = "directory"
		}
		d.items[e.Name] = item
	}
}

// promised are the outputs of an archive that was not read yet.
func (u *untar) promised() runner.Outputs {
	const when = "after unpacking"
	return runner.Outputs{"files": plan.Later(when), "sums": plan.Later(when), "dirs": plan.Later(when), "into": plan.Text(u.into())}
}
