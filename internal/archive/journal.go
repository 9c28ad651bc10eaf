package archive

import (
	"bufio"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strings"
)

// journalName is the file of a stage that tells what is complete in it. A
// process that was killed leaves it behind; the next one goes on from there.
const journalName = "journal"

// A line is one line of a journal: the first has a key, then each file that is
// complete and on the disk has one. The last has all entries of the archive,
// and is there before the first file gets its name.
type line struct {
	Key  string  `json:"key,omitempty"`
	File *piece  `json:"file,omitempty"`
	All  []piece `json:"all,omitempty"`
}

// A piece is an entry and where in the stage it stands: "" for a directory,
// and for a file that was in its place already.
type piece struct {
	Entry
	Staged string `json:"staged,omitempty"`
}

// A journal is an open journal. Lines may be added from many goroutines: each
// is appended in one piece.
type journal struct{ f *os.File }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (j journal) add(l line) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(j.f, "%08x %s\n", crc32.Checksum(b, castagnoli), b)
	return err
}

// readJournal gives the lines up to the first that is torn or damaged: what is
// not told is done again.
func readJournal(r io.Reader) []line {
	var lines []line
	b := bufio.NewReader(r)
	for {
		text, err := b.ReadString('\n')
		if err != nil {
			return lines
		}
		sum, body, _ := strings.Cut(strings.TrimSuffix(text, "\n"), " ")
		var l line
		if sum != fmt.Sprintf("%08x", crc32.Checksum([]byte(body), castagnoli)) || json.Unmarshal([]byte(body), &l) != nil {
			return lines
		}
		lines = append(lines, l)
	}
}
