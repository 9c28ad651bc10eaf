package archive

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/readers"
)

// journalName is the file of a stage that lists its complete files. A killed
// process leaves it behind, and the next process resumes from it.
const journalName = "journal"

// A journalLine is one line of a journal. The first line has the key. Then there
// is a line for each file that is complete and on the disk. The last line has
// all entries of the archive; it is written before the first file gets its name.
type journalLine struct {
	Key  string        `json:"key,omitempty"`
	File *stagedEntry  `json:"file,omitempty"`
	All  []stagedEntry `json:"all,omitempty"`
}

// A stagedEntry is an entry with the name of its file in the stage. The name is
// "" for a directory and for a file that is already in place.
type stagedEntry struct {
	Entry
	Staged string `json:"staged,omitempty"`
}

// A journal is an open journal. Many goroutines may add lines at once: each line
// is appended in one write.
type journal struct{ f *os.File }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (j journal) add(l journalLine) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(j.f, "%08x %s\n", crc32.Checksum(b, castagnoli), b)
	return err
}

// readJournal returns the lines before the first torn or damaged one. The work
// of the lines after it is done again.
func readJournal(r io.Reader) []journalLine {
	var lines []journalLine
	b := bufio.NewReader(r)
	for {
		text, err := b.ReadString('\n')
		if err != nil {
			return lines
		}
		sum, body, _ := strings.Cut(strings.TrimSuffix(text, "\n"), " ")
		var l journalLine
		if sum != fmt.Sprintf("%08x", crc32.Checksum([]byte(body), castagnoli)) || json.Unmarshal([]byte(body), &l) != nil {
			return lines
		}
		lines = append(lines, l)
	}
}

// leftovers are the usable files that a killed process has left.
type leftovers struct {
	files map[string]stagedEntry // complete files, by the entry's name
	all   []stagedEntry          // every entry of the archive, when all of them are complete
}

// bytes returns how many bytes of the archive need not be written again.
func (l *leftovers) bytes() int64 {
	var n int64
	for _, p := range l.files {
		n += p.Size
	}
	return n
}

// takeOver finds the usable files that a killed process has left in the stage,
// if it used the same key, and removes the rest. It checks the size and content
// of each file, since the journal alone is no proof.
func (st *stage) takeOver(ctx context.Context, key string) (*leftovers, error) {
	left := &leftovers{files: map[string]stagedEntry{}}
	if key != "" && st.alone {
		if err := st.readLeftovers(ctx, key, left); err != nil {
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
	return left, st.startJournal(key, left)
}

// startJournal writes a new journal that lists the files taken over.
func (st *stage) startJournal(key string, left *leftovers) (err error) {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL | os.O_APPEND
	if st.journal.f, err = st.dir.OpenFile(journalName, flags, 0o600); err != nil {
		return err
	}
	if err := st.journal.add(journalLine{Key: key}); err != nil {
		return err
	}
	for _, p := range left.files {
		if err := st.journal.add(journalLine{File: &p}); err != nil {
			return err
		}
	}
	return nil
}

func (st *stage) readLeftovers(ctx context.Context, key string, left *leftovers) error {
	f, err := st.dir.OpenFile(journalName, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil // a missing or unreadable journal: nothing to take over
	}
	defer f.Close()
	lines := readJournal(f)
	if len(lines) == 0 || lines[0].Key != key {
		return nil
	}
	var all []stagedEntry
	for _, l := range lines {
		pieces := l.All
		if l.File != nil {
			pieces = []stagedEntry{*l.File}
		}
		all = l.All
		for _, p := range pieces {
			if err := st.addIfWhole(ctx, p, left); err != nil {
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

// addIfWhole adds a file to the leftovers if it is complete in the stage or in
// its final place.
func (st *stage) addIfWhole(ctx context.Context, p stagedEntry, left *leftovers) error {
	if _, ok := left.files[p.Name]; ok || p.IsDir() {
		return nil
	}
	ok, err := false, error(nil)
	if p.Staged != "" && p.Staged != journalName {
		staged := p.Entry
		staged.Name = p.Staged
		if fi, statErr := st.dir.Lstat(p.Staged); statErr == nil && durable.Own(fi) {
			ok, err = hasContent(ctx, st.dir, staged)
		}
	}
	if !ok && err == nil {
		p.Staged = ""
		ok, err = hasContent(ctx, st.root, p.Entry)
	}
	if ok {
		left.files[p.Name] = p
	}
	return err
}

// hasContent reports whether root has the file of an entry with its content.
func hasContent(ctx context.Context, root *os.Root, e Entry) (bool, error) {
	fi, err := root.Lstat(e.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !fi.Mode().IsRegular() || fi.Size() != e.Size {
		return false, err
	}
	f, err := root.OpenFile(e.Name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return false, nil // not readable: it will be replaced
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyBuffer(h, readers.WithContext(ctx, f), make([]byte, 1<<20)); err != nil {
		return false, ctx.Err()
	}
	return hex.EncodeToString(h.Sum(nil)) == e.SHA256, nil
}
