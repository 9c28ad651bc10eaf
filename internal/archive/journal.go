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
