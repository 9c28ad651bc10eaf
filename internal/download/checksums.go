package download

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/textfile"
)

// bsdLine is a line of BSD's tools, openssl and Fedora's lists: SHA256 (name) = hex.
var bsdLine = lazyregexp.New(`^([A-Za-z0-9-]+) ?\((.+)\) ?= ?([0-9A-Fa-f]+)$`)

// A listedSum is one line of a list of checksums.
type listedSum struct {
	name string // "" for a digest without a name
	algo string
	hex  string
}

// ParseChecksums returns the digests of a file in a list of checksums. The lines
// may be those of sha256sum or of BSD's tools, or have only a digest. With sidecar
// the list is about this file only, and the name in a single line does not matter.
// A file may have digests of several kinds.
func ParseChecksums(list []byte, name string, sidecar bool) (Digests, error) {
	lines, err := parseSums(list)
	if err != nil {
		return Digests{}, err
	}
	var mine []listedSum
	for _, l := range lines {
		if l.name == "" || path.Base(l.name) == name {
			mine = append(mine, l)
		}
	}
	if len(mine) == 0 && sidecar && len(lines) == 1 {
		mine = lines
	}
	if len(mine) == 0 {
		return Digests{}, notListedError(name, lines)
	}
	return mergeDigests(mine, name)
}

func parseSums(list []byte) ([]listedSum, error) {
	list, err := textfile.Decode(list)
	if err != nil {
		return nil, err
	}
	var lines []listedSum
	in := bufio.NewScanner(bytes.NewReader(list))
	in.Buffer(nil, 64<<10)
	for in.Scan() {
		line := strings.TrimRight(in.Text(), " \t\r")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		l, ok := parseSum(line)
		if !ok {
			if len(lines) == 0 && line[0] != '<' { // it may be any file, and hold secrets; a web page is shown
				return nil, errors.New("it is not a list of checksums: its first line is none")
			}
			return nil, fmt.Errorf("it is not a list of checksums: it has the line %q", line[:min(len(line), 80)])
		}
		lines = append(lines, l)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("it is not a list of checksums: %w", err)
	}
	if len(lines) == 0 {
		return nil, errors.New("it has no checksums")
	}
	return lines, nil
}

func parseSum(line string) (listedSum, bool) {
	// sha256sum begins a line with \ if it has escaped the name.
	line, escaped := strings.CutPrefix(line, `\`)
	if m := bsdLine.FindStringSubmatch(line); m != nil {
		algo := strings.NewReplacer("sha2-", "sha", "-", "").Replace(strings.ToLower(m[1])) // openssl says SHA2-256
		return newListedSum(unescaped(m[2], escaped), algo, m[3])
	}
	digest, rest := line, ""
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		digest, rest = line[:i], strings.Replace(line[i+1:], "\t", " ", 1)
	}
	name := strings.TrimLeft(rest, " ")
	if n, binary := strings.CutPrefix(name, "*"); binary && len(rest)-len(name) <= 1 {
		name = n
	}
	return newListedSum(unescaped(name, escaped), algoByLength[len(digest)], digest)
}

func unescaped(name string, escaped bool) string {
	if !escaped {
		return name
	}
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r").Replace(name)
}

// algoByLength is the kind of a digest by its number of digits.
var algoByLength = map[int]string{32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}

func newListedSum(name, algo, digest string) (listedSum, bool) {
	_, err := hex.DecodeString(digest)
	known := algo != "" && err == nil
	for length, a := range algoByLength {
		if a == algo && len(digest) != length {
			known = false
		}
	}
	return listedSum{name: name, algo: algo, hex: strings.ToLower(digest)}, known
}

func notListedError(name string, lines []listedSum) error {
	err := fmt.Errorf("it has no checksum of %q", name)
	if len(lines) == 1 {
		return fault.WithHint(err, fmt.Sprintf("it has one of %q; if that is the file, write name: %s", lines[0].name, path.Base(lines[0].name)))
	}
	return fault.WithHint(err, "set name: to the file's name in that list")
}

// mergeDigests combines the digests of one file. Two different digests of one kind
// are an error, since they are of two files.
func mergeDigests(lines []listedSum, name string) (Digests, error) {
	var d Digests
	for _, l := range lines {
		var to *string
		switch l.algo {
		case "sha256":
			to = &d.SHA256
		case "sha512":
			to = &d.SHA512
		case "md5":
			to = &d.MD5
		default:
			continue
		}
		if *to != "" && *to != l.hex {
			return Digests{}, fmt.Errorf("it has two different %s of %q", l.algo, name)
		}
		*to = l.hex
	}
	if d.IsZero() {
		err := fmt.Errorf("it has only a %s of %q", lines[0].algo, name)
		return Digests{}, fault.WithHint(err, "the supported kinds are sha256, sha512 and md5")
	}
	return d, nil
}
