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
	"github.com/bayplan/bayplan/internal/readers"
)

// An Extraction is how an archive is unpacked. The zero value is valid.
type Extraction struct {
	Options
	// Source names the archive. Two archives that are unpacked into one
	// directory at the same time need different names.
	Source string
	// Key identifies the archive together with all settings that decide the
	// result. The files of a killed process are reused only with the same
	// key. Without a key they are removed.
	Key string
	// Want is the result of List, or nil if the archive was not listed. If
	// the archive's entries are different now, nothing is unpacked. With
	// Want, the free space is checked before unpacking.
	Want []Entry
	// Have are files that are already in place with the archive's content.
	// They are read in the archive, but not written.
	Have []Entry
	// Check sees all entries after the whole archive was read and before the
	// first file gets its name.
	Check func([]Entry) error
	// Moved gets the number of bytes just written. Done gets each entry that
	// is now in place; placed is true if its file was just put there. Check,
	// Moved and Done may be nil.
	Moved func(n int64)
	Done  func(e Entry, placed bool)

	write func(f *os.File, p []byte) (int, error) // replaces writing in tests
}

// Extract unpacks an archive into root. It writes the files into a staging
// directory, and they get their names only after the whole archive was read
// and checked. On an error it leaves none of them behind. It does not touch
// files that already have the same content, and replaces others.
//
// A killed process leaves its finished files in the staging directory. The next
// one does not write them again. When all were finished, it only renames them. It
// reads the archive then only to hold it against a digest.
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
	left, err := st.takeOver(ctx, x.Key)
	if err != nil {
		return nil, err
	}
	for _, e := range x.Have {
		left.files[e.Name] = stagedEntry{Entry: e}
	}
	to := &writer{stage: st, x: x, staged: map[string]string{}, left: left.files}
	entries := entriesOf(left.all)
	if left.all == nil || x.Want != nil && !sameContent(x.Want, entries) {
		if err := x.checkSpace(st.root, left.bytes()); err != nil {
			return nil, err
		}
		if entries, err = to.fill(ctx, r); err != nil {
			return nil, err
		}
	} else if err := checkWhole(ctx, r, x.SHA256); err != nil {
		return nil, err
	}
	to.adoptLeftovers()
	if x.Check != nil {
		if err := x.Check(entries); err != nil {
			return nil, err
		}
	}
	sorted := slices.SortedFunc(slices.Values(entries), func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	if err := CheckPlaces(st.root, sorted); err != nil {
		return nil, err
	}
	if err := to.skipUnchanged(ctx, entries); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := to.journalAll(entries); err != nil {
		return nil, err
	}
	return entries, to.commit(sorted)
}

// checkWhole holds a whole archive against its digest, if there is one.
func checkWhole(ctx context.Context, r io.Reader, want string) error {
	if want == "" {
		return nil
	}
	sum := newHashingReader(readers.WithContext(ctx, r))
	if _, err := io.Copy(io.Discard, sum); err != nil {
		return err
	}
	return sum.check(want)
}

func entriesOf(all []stagedEntry) []Entry {
	var entries []Entry
	for _, p := range all {
		entries = append(entries, p.Entry)
	}
	return entries
}

// explain adds a hint to the error of a full disk, which is not worth a retry.
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

// sameContent reports whether two lists have the same entries with the same
// content.
func sameContent(a, b []Entry) bool {
	return slices.EqualFunc(a, b, func(a, b Entry) bool {
		return a.Name == b.Name && a.Mode == b.Mode && a.SHA256 == b.SHA256
	})
}
