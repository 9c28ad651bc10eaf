package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/bayplan/bayplan/internal/fault"
)

// An Extraction says how an archive is unpacked. The zero value is good.
type Extraction struct {
	Options
	// Source names the archive. Two that are unpacked into one directory at
	// the same time must not share it.
	Source string
	// Key is different for every archive and for all that decides what comes
	// of it. What a killed process left is only used with the same key; with
	// none it is thrown away.
	Key string
	// Want is what List gave, and nil where it was not asked. When the archive
	// holds anything else by now, nothing of it is unpacked. With it, free
	// space is checked beforehand.
	Want []Entry
	// Have are files that are in their places already, with the content that
	// the archive has for them. They are read in the archive, but not written.
	Have []Entry
	// Check looks at all entries when the archive was read to its end, before
	// the first of them gets its name.
	Check func([]Entry) error
	// Moved is told how many more bytes were written, Done which entry has
	// got its name, and whether it is a file put there just now. Any of the
	// three may be nil.
	Moved func(n int64)
	Done  func(e Entry, placed bool)

	write func(f *os.File, p []byte) (int, error) // where a test has no disk to fill
}

// Extract unpacks an archive into root. Files are written beside their place
// and get their names only when the whole archive was read and found good; on
// an error nothing of it is left. Files that are there with the same content
// are left alone, others are replaced.
//
// A process that is killed leaves its finished files beside their places. The
// next one writes none of them again; and when all of them were finished it
// only gives them their names, without reading the archive.
func Extract(ctx context.Context, r io.Reader, root *os.Root, x Extraction) ([]Entry, error) {
	st, err := newStage(root, StageName(x.Source))
	if err != nil {
		return nil, err
	}
	entries, err := x.run(ctx, r, st)
	if removeErr := st.remove(); err == nil {
		err = removeErr
	}
	if err != nil {
		return nil, x.explain(err)
	}
	return entries, nil
}

func (x *Extraction) run(ctx context.Context, r io.Reader, st *stage) ([]Entry, error) {
	left, err := st.inherit(ctx, x.Key)
	if err != nil {
		return nil, err
	}
	for _, e := range x.Have {
		left.files[e.Name] = piece{Entry: e}
	}
	to := &writer{stage: st, x: x, staged: map[string]string{}, left: left.files}
	entries := entriesOf(left.all)
	if left.all == nil || x.Want != nil && !same(x.Want, entries) {
		if err := x.checkSpace(st.root, left.size()); err != nil {
			return nil, err
		}
		if entries, err = to.fill(ctx, r); err != nil {
			return nil, err
		}
	}
	to.inherit()
	if x.Check != nil {
		if err := x.Check(entries); err != nil {
			return nil, err
		}
	}
	sorted := slices.SortedFunc(slices.Values(entries), func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	if err := CheckPlaces(st.root, sorted); err != nil {
		return nil, err
	}
	if err := to.leaveSame(ctx, entries); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := to.decide(entries); err != nil {
		return nil, err
	}
	return entries, to.commit(sorted)
}

func entriesOf(all []piece) []Entry {
	var entries []Entry
	for _, p := range all {
		entries = append(entries, p.Entry)
	}
	return entries
}

// explain adds what to do about a full disk. Trying again would not help.
func (x *Extraction) explain(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		hint := "make room, or unpack somewhere else"
		if need := x.need(); need > 0 {
			hint = fmt.Sprintf("make room: the files take %d bytes", need)
		}
		return fault.WithHint(err, hint)
	}
	return err
}

// same says whether two listings are of the same content.
func same(a, b []Entry) bool {
	return slices.EqualFunc(a, b, func(a, b Entry) bool {
		return a.Name == b.Name && a.Mode == b.Mode && a.SHA256 == b.SHA256
	})
}
