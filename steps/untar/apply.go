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

// A placedEntry is how a file was when it had got its name.
type placedEntry struct {
	id      runner.FileID
	settled bool // no write since then can be without a trace
}

// apply unpacks what is missing or different, and confirms every file that the
// archive holds: those that it has written by their identity, as they were hashed on
// their way, and all others by their digests.
func (d *untarDiff) apply(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
	if d.makeInto {
		if _, err := durable.MkdirAll(d.into(), 0o755); err != nil {
			return nil, err
		}
		p.Done(d.intoItem())
	}
	placed, err := d.extract(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("unpack %s into %s: %w", d.Archive, d.into(), d.explain(err))
	}
	return d.outputs(d.listed.entries), d.confirm(ctx, d.world, d.listed.entries, placed)
}

// intoItem is about the directory unpacked into, where it is made.
func (d *untarDiff) intoItem() runner.Item {
	return runner.Item{Op: runner.Create, What: "directory", Name: d.into()}
}

// extract gives the files that it has written, by name. What it has read of the
// archive is kept as the archive's listing.
func (d *untarDiff) extract(ctx context.Context, p runner.Progress) (map[string]placedEntry, error) {
	root, err := os.OpenRoot(d.into())
	if err != nil {
		return nil, err
	}
	defer root.Close()
	packed, id, err := d.open(ctx, d.world)
	if err != nil {
		return nil, err
	}
	defer packed.Close()
	placed := map[string]placedEntry{}
	var last time.Time // that something was written
	x := archive.Extraction{
		Options: d.options(),
		Source:  string(d.Archive),
		Key:     d.key(id),
		Have:    d.have(),
		Check: func(entries []archive.Entry) error {
			d.see(entries)
			return errors.Join(d.checkExpected(entries), waitForClockTick(ctx, last))
		},
		Moved: func(n int64) {
			last = time.Now()
			if d.full {
				p.Add(n)
			}
		},
		Done: func(e archive.Entry, written bool) { d.done(placed, p, e, written) },
	}
	if !d.applying {
		x.Want = d.entries
	}
	r := io.Reader(packed)
	if !d.full {
		r = readers.Counting(packed, p.Add)
	}
	entries, err := archive.Extract(ctx, r, root, x)
	if err != nil {
		return nil, err
	}
	if !d.full {
		p.Done(d.contents())
	}
	d.listed = &untarListing{entries, d.found(d.world, id, entries)}
	return placed, nil
}

// settleTime is longer than the clock of a file system takes from one tick to
// the next: what was written within one tick may change without a trace.
const settleTime = 50 * time.Millisecond

// waitForClockTick waits until a change to what was written last would show in its
// times. Without it the digests that are known by now could not be remembered, and
// the next run would have to read the files.
func waitForClockTick(ctx context.Context, last time.Time) error {
	select {
	case <-time.After(time.Until(last.Add(settleTime + 10*time.Millisecond))):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// have gives the files that need not be written.
func (d *untarDiff) have() []archive.Entry {
	if d.applying {
		return d.known
	}
	return d.same
}

// key tells an archive with all that decides what comes of it from all others.
// It is "" for one that may be written to just now.
func (d *untarDiff) key(id *runner.FileID) string {
	if id == nil || id.Key() == "" {
		return ""
	}
	config, err := json.Marshal(d.untar)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(append(config, id.Key()...))
	return hex.EncodeToString(sum[:])
}

// done notes how a file is that was written, and reports its item.
func (d *untarDiff) done(placed map[string]placedEntry, p runner.Progress, e archive.Entry, written bool) {
	if written {
		if fi, err := os.Lstat(d.path(e)); err == nil {
			placed[e.Name] = placedEntry{runner.Identify(fi), time.Since(fi.ModTime()) > settleTime}
		}
	}
	if item, ok := d.items[e.Name]; ok && (written || e.IsDir()) {
		p.Done(item)
	}
}

// see adds to the items what in haste is only seen when the archive was read.
func (d *untarDiff) see(entries []archive.Entry) {
	for _, e := range entries {
		if _, ok := d.items[e.Name]; ok || !d.applying {
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
