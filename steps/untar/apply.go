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

// A writtenEntry is the state of a file right after it got its name.
type writtenEntry struct {
	id     runner.FileID
	stable bool // any later write changes the identity
}

// apply unpacks the files that are missing or different, and confirms every file of
// the archive. It confirms the files that it has written by their identity, since
// they were hashed while they were written, and all others by their digests.
func (d *diff) apply(ctx context.Context, p runner.Progress) (runner.Outputs, error) {
	if d.makeInto {
		if _, err := durable.MkdirAll(d.into(), 0o755); err != nil {
			return nil, err
		}
		p.Done(d.intoItem())
	}
	written, err := d.extract(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("unpack %s into %s: %w", d.Archive, d.into(), d.withHint(err))
	}
	return d.outputs(d.listed.entries), d.confirm(ctx, d.world, d.listed.entries, written)
}

// intoItem gives the item of the directory to unpack into, when it has to be made.
func (d *diff) intoItem() runner.Item {
	return runner.Item{Op: runner.Create, What: "directory", Name: d.into()}
}

// extract unpacks the archive and gives the files that it has written, by name. It
// keeps the listing of the archive.
func (d *diff) extract(ctx context.Context, p runner.Progress) (map[string]writtenEntry, error) {
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
	written := map[string]writtenEntry{}
	var last time.Time // when the last bytes were written
	x := archive.Extraction{
		Options: d.options(),
		Source:  string(d.Archive),
		Key:     d.resumeKey(id),
		Have:    d.unchangedEntries(),
		Check: func(entries []archive.Entry) error {
			d.addItems(entries)
			return errors.Join(d.checkExpected(entries), waitForClockTick(ctx, last))
		},
		Moved: func(n int64) {
			last = time.Now()
			if d.full {
				p.Add(n)
			}
		},
		Done: func(e archive.Entry, isNew bool) {
			if isNew {
				d.noteWritten(written, e)
			}
			d.reportEntry(p, e, isNew)
		},
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
		p.Done(d.contentsItem())
	}
	d.listed = &listing{entries, d.remember(d.world, id, entries)}
	return written, nil
}

// maxClockTick is longer than one clock tick of a file system. Two writes within one
// tick leave the same times, so the second one cannot be seen.
const maxClockTick = 50 * time.Millisecond

// waitForClockTick waits until any later write would change the times of the file
// that was written last. Without the wait its digest could not be remembered, and the
// next run would have to read the file.
func waitForClockTick(ctx context.Context, last time.Time) error {
	select {
	case <-time.After(time.Until(last.Add(maxClockTick + 10*time.Millisecond))):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// unchangedEntries gives the files that do not have to be written.
func (d *diff) unchangedEntries() []archive.Entry {
	if d.applying {
		return d.unchanged
	}
	return d.same
}

// resumeKey gives a text that differs for every archive and configuration, so that
// only what belongs to them is resumed. It is "" for an archive that may be changing.
func (d *diff) resumeKey(id *runner.FileID) string {
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

// noteWritten keeps the state of a file that was just written.
func (d *diff) noteWritten(written map[string]writtenEntry, e archive.Entry) {
	if fi, err := os.Lstat(d.target(e)); err == nil {
		written[e.Name] = writtenEntry{runner.Identify(fi), time.Since(fi.ModTime()) > maxClockTick}
	}
}

// reportEntry reports the item of an entry that was written or is a directory.
func (d *diff) reportEntry(p runner.Progress, e archive.Entry, written bool) {
	if item, ok := d.items[e.Name]; ok && (written || e.IsDir()) {
		p.Done(item)
	}
}

// addItems adds the items that a Diff before an apply could not see, when the
// archive has been read.
func (d *diff) addItems(entries []archive.Entry) {
	for _, e := range entries {
		if _, ok := d.items[e.Name]; ok || !d.applying {
			continue
		}
		item := d.item(e)
		_, err := os.Lstat(d.target(e))
		switch {
		case err == nil && e.IsDir():
			continue
		case err == nil:
			item.Op = runner.Replace
		}
		d.items[e.Name] = item
	}
}

// laterOutputs gives the outputs of an archive that has not been read yet.
func (u *untar) laterOutputs() runner.Outputs {
	const when = "after unpacking"
	return runner.Outputs{"files": plan.Later(when), "sums": plan.Later(when), "dirs": plan.Later(when), "into": plan.Text(u.into())}
}
