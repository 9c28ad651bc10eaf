// Package receipt is the text that says what a registry or a layout holds, so that media for it
// can leave that out. It is YAML of one shape only, which is read line by line: a receipt may
// name very many blobs. It asks no registry and reads no layout.
package receipt

import (
	"bufio"
	"bytes"
	_ "crypto/sha256" // digests by these two are valid
	_ "crypto/sha512"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// formatVersion is the version of the text.
const formatVersion = 1

// MaxBytes is the largest receipt that is read.
const MaxBytes = 64 << 20

// SmallBlob is the size of blobs, in bytes, up to which media leave none out: signatures and
// configurations are read before anything is known of the destination.
const SmallBlob = 16 << 10

// A Receipt is what a registry or a layout held at a time.
type Receipt struct {
	Of    string // the registry's host, or the layout
	Made  time.Time
	Blobs map[digest.Digest]Held
}

// A Held is a blob that is there.
type Held struct {
	Repository string // one that has it, "" where the layout gives no name that a registry could have
	Size       int64
}

// maxRepository is the length of the longest name of a repository.
const maxRepository = 255

// repositoryName is the form of names that the distribution specification has.
var repositoryName = lazyregexp.New(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)

// IsRepository says whether a registry can have a repository of that name.
func IsRepository(name string) bool {
	return len(name) <= maxRepository && repositoryName.MatchString(name)
}

// Text gives the receipt as YAML. The same receipt has the same text.
func (r *Receipt) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "format_version: %d\nkind: bayplan-receipt\nof: %s\nmade: %s\nblobs:\n", formatVersion, strconv.Quote(r.Of), strconv.Quote(r.Made.UTC().Format(time.RFC3339)))
	repositories := map[string][]digest.Digest{}
	for d, held := range r.Blobs {
		repositories[held.Repository] = append(repositories[held.Repository], d)
	}
	for _, name := range slices.Sorted(maps.Keys(repositories)) {
		fmt.Fprintf(&b, "  %s:\n", strconv.Quote(name))
		slices.Sort(repositories[name])
		for _, d := range repositories[name] {
			fmt.Fprintf(&b, "    %q: %d\n", d, r.Blobs[d].Size)
		}
	}
	return b.Bytes()
}

// Parse reads a receipt. Errors name the file and the line.
func Parse(file string, text []byte) (*Receipt, error) {
	p := parser{file: file, receipt: &Receipt{Blobs: map[digest.Digest]Held{}}}
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("%s: %d bytes are too much for a receipt", file, len(text))
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		p.line++
		if line := strings.TrimRight(lines.Text(), " \r"); line != "" && !strings.HasPrefix(line, "#") {
			if err := p.take(line); err != nil {
				return nil, err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, p.errorf("it is too long a line")
	}
	if p.next < len(header) {
		p.line++
		return nil, p.errorf("it ends before %s", header[p.next])
	}
	return p.receipt, nil
}

// header is the keys before the blobs, in their order.
var header = [...]string{"format_version", "kind", "of", "made", "blobs"}

// A parser reads a receipt line by line.
type parser struct {
	file       string
	line, next int // next is the key of the header that comes next
	repository string
	named      bool // a repository has been named, "" for none
	receipt    *Receipt
}

func (p *parser) errorf(format string, args ...any) error {
	err := fmt.Errorf("%s:%d: %s", p.file, p.line, fmt.Sprintf(format, args...))
	return fault.WithHint(err, "a receipt is what bayplan inventory writes, unchanged")
}

func (p *parser) take(line string) error {
	at := strings.LastIndex(line, ":")
	if p.next < len(header) {
		at = strings.Index(line, ":")
	}
	if at < 0 {
		return p.errorf("%.60q is not a line of a receipt", line)
	}
	key, value := line[:at], strings.TrimSpace(line[at+1:])
	switch {
	case p.next < len(header):
		return p.takeHeader(key, value)
	case strings.HasPrefix(key, `    "`):
		return p.takeBlob(unquoted(strings.TrimSpace(key)), value)
	case strings.HasPrefix(key, `  "`) && value == "":
		p.repository, p.named = unquoted(strings.TrimSpace(key)), true
		if p.repository != "" && !IsRepository(p.repository) {
			return p.errorf("%.200q is not a name of a repository", p.repository)
		}
		return nil
	}
	return p.errorf("%.60q is not a line of a receipt", line)
}

func (p *parser) takeHeader(key, value string) (err error) {
	if key != header[p.next] {
		return p.errorf("this is not a receipt: it has %.60q where a receipt has %s", key, header[p.next])
	}
	p.next++
	switch key {
	case "format_version":
		if n, err := strconv.Atoi(value); err != nil || n < 1 {
			return p.errorf("%.60q is not a version of receipts", value)
		} else if n > formatVersion {
			return fault.WithHint(fmt.Errorf("%s:%d: it is a receipt of version %d, and this bayplan reads version %d", p.file, p.line, n, formatVersion), "a newer bayplan has written it; use that one here")
		}
	case "kind":
		if value != "bayplan-receipt" {
			return p.errorf("this is not a receipt: its kind is %.60q", value)
		}
	case "of":
		p.receipt.Of = unquoted(value)
	case "made":
		if p.receipt.Made, err = time.Parse(time.RFC3339, unquoted(value)); err != nil {
			return p.errorf("%.60q is not a time", value)
		}
	}
	return nil
}

func (p *parser) takeBlob(name, size string) error {
	d := digest.Digest(name)
	if !p.named {
		return p.errorf("%.200q comes before the repository that has it", name)
	}
	n, err := strconv.ParseInt(size, 10, 64)
	if d.Validate() != nil || err != nil || n < 0 {
		return p.errorf("%.200q: %.60q are not the digest and the size of a blob", name, size)
	}
	p.receipt.Blobs[d] = Held{p.repository, n}
	return nil
}

func unquoted(s string) string {
	if text, err := strconv.Unquote(s); err == nil {
		return text
	}
	return s
}
