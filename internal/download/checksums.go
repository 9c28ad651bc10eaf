package download

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
)

// bsdLine is a line as BSD's tools, openssl and Fedora's lists have it: SHA256 (name) = hex.
var bsdLine = regexp.MustCompile(`^([A-Za-z0-9-]+) ?\((.+)\) ?= ?([0-9A-Fa-f]+)$`)

// A listedSum is one line of a list of checksums.
type listedSum struct {
	name string // "" for a digest that stands alone
	algo string
	hex  string
}

// ParseChecksums finds the digests of a file in a list of checksums: lines as
// sha256sum writes them, as BSD's tools do, or nothing but a digest. sidecar
// says that the list is of this one file, whatever it is called in it. Of a
// file with digests of several kinds all that are understood are given.
func ParseChecksums(list []byte, name string, sidecar bool) (Digests, error) {
	lines, err := readSums(list)
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
		return Digests{}, notListed(name, lines)
	}
	return gather(mine, name)
}

func readSums(list []byte) ([]listedSum, error) {
	var lines []listedSum
	in := bufio.NewScanner(bytes.NewReader(list))
	in.Buffer(nil, 64<<10)
	for in.Scan() {
		line := strings.TrimRight(in.Text(), " \t\r")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		l, ok := readSum(line)
		if !ok {
			return nil, fmt.Errorf("it is no list of checksums: it has the line %q", line[:min(len(line), 80)])
		}
		lines = append(lines, l)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("it is no list of checksums: %w", err)
	}
	if len(lines) == 0 {
		return nil, errors.New("it holds no checksum")
	}
	return lines, nil
}

func readSum(line string) (listedSum, bool) {
	if m := bsdLine.FindStringSubmatch(line); m != nil {
		algo := strings.NewReplacer("sha2-", "sha", "-", "").Replace(strings.ToLower(m[1])) // openssl says SHA2-256
		return sumOf(m[2], algo, m[3])
	}
	// sha256sum begins a line with \ where it writes the name's \ as \\.
	line, escaped := strings.CutPrefix(line, `\`)
	digest, rest, _ := strings.Cut(line, " ")
	name := strings.TrimLeft(rest, " ")
	if n, binary := strings.CutPrefix(name, "*"); binary && len(rest)-len(name) <= 1 {
		name = n
	}
	if escaped {
		name = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r").Replace(name)
	}
	return sumOf(name, algoOf[len(digest)], digest)
}

// algoOf tells the kind of a digest by how many digits it has.
var algoOf = map[int]string{32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}

func sumOf(name, algo, digest string) (listedSum, bool) {
	_, err := hex.DecodeString(digest)
	known := algo != "" && err == nil
	for length, a := range algoOf {
		if a == algo && len(digest) != length {
			known = false
		}
	}
	return listedSum{name: name, algo: algo, hex: strings.ToLower(digest)}, known
}

func notListed(name string, lines []listedSum) error {
	err := fmt.Errorf("it has no checksum of %q", name)
	if len(lines) == 1 {
		return fault.WithHint(err, fmt.Sprintf("it has one of %q; if that is the file, write name: %s", lines[0].name, path.Base(lines[0].name)))
	}
	return fault.WithHint(err, "say with name: under which name the file stands there")
}

// gather puts the digests of one file together. Two of one kind that differ
// are of two files.
func gather(lines []listedSum, name string) (Digests, error) {
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
		return Digests{}, fault.WithHint(err, "understood are sha256, sha512 and md5")
	}
	return d, nil
}
