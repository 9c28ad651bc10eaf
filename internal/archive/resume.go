package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/bayplan/bayplan/internal/readers"
)

// A legacy is what a killed process has left that is still good.
type legacy struct {
	files map[string]piece // complete ones, by the entry's name
	all   []piece          // every entry of the archive, when all of them are complete
}

// size gives how many bytes of the archive need not be written again.
func (l *legacy) size() int64 {
	var n int64
	for _, p := range l.files {
		n += p.Size
	}
	return n
}

// inherit takes over what was left in the stage by a process that unpacked the
// same archive with the same settings, and removes the rest. Size and content
// of each file are looked at: the journal alone is not believed.
func (st *stage) inherit(ctx context.Context, key string) (*legacy, error) {
	left := &legacy{files: map[string]piece{}}
	if key != "" {
		if err := st.recall(ctx, key, left); err != nil {
			return nil, err
		}
	}
	keep := map[string]bool{}
	for _, p := range left.files {
		keep[p.Staged] = true
	}
	if err := st.clear(keep); err != nil {
		return nil, err
	}
	return left, st.begin(key, left)
}

// begin writes a new journal that tells of what was inherited.
func (st *stage) begin(key string, left *legacy) (err error) {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL | os.O_APPEND
	if st.journal.f, err = st.dir.OpenFile(journalName, flags, 0o600); err != nil {
		return err
	}
	if err := st.journal.add(line{Key: key}); err != nil {
		return err
	}
	for _, p := range left.files {
		if err := st.journal.add(line{File: &p}); err != nil {
			return err
		}
	}
	return nil
}

func (st *stage) recall(ctx context.Context, key string, left *legacy) error {
	f, err := st.dir.OpenFile(journalName, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil // nothing is told, or nothing that can be read
	}
	defer f.Close()
	lines := readJournal(f)
	if len(lines) == 0 || lines[0].Key != key {
		return nil
	}
	var all []piece
	for _, l := range lines {
		pieces := l.All
		if l.File != nil {
			pieces = []piece{*l.File}
		}
		all = l.All
		for _, p := range pieces {
			if err := st.take(ctx, p, left); err != nil {
				return err
			}
		}
	}
	for _, p := range all {
		if _, ok := left.files[p.Name]; !ok && !p.IsDir() {
			return nil
		}
	}
	left.all = all
	return nil
}

// take adds a file to the legacy if it stands whole in the stage or in its place.
func (st *stage) take(ctx context.Context, p piece, left *legacy) error {
	if _, ok := left.files[p.Name]; ok || p.IsDir() {
		return nil
	}
	ok, err := false, error(nil)
	if p.Staged != "" && p.Staged != journalName {
		staged := p.Entry
		staged.Name = p.Staged
		ok, err = holds(ctx, st.dir, staged)
	}
	if !ok && err == nil {
		p.Staged = ""
		ok, err = holds(ctx, st.root, p.Entry)
	}
	if ok {
		left.files[p.Name] = p
	}
	return err
}

// holds says whether an entry is there already, content and all.
func holds(ctx context.Context, root *os.Root, e Entry) (bool, error) {
	fi, err := root.Lstat(e.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !fi.Mode().IsRegular() || fi.Size() != e.Size {
		return false, err
	}
	f, err := root.OpenFile(e.Name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return false, nil // not readable: a new one takes its place
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyBuffer(h, readers.WithContext(ctx, f), make([]byte, 1<<20)); err != nil {
		return false, ctx.Err()
	}
	return hex.EncodeToString(h.Sum(nil)) == e.SHA256, nil
}
