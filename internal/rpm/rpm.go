// Package rpm reads RPM packages that nobody vouches for, and finds them in
// repositories: what they hold by their header alone, and single files out of
// their payload as a tar stream, without installing anything and without the
// rpm tools. Every digest that a package has of itself is checked, its
// signature where keys are given. It knows nothing of steps and plans.
package rpm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Package is what the header of an RPM says.
type Package struct {
	Name, Epoch, Version, Release, Arch string
	Files                               []File

	sig, main  *header
	compressor string
	sha256     string // of the payload as it is packed, "" where the header has none
}

// NEVRA names the package in full: name-epoch:version-release.arch, without an
// epoch that is 0.
func (p *Package) NEVRA() string {
	evr := p.Version + "-" + p.Release
	if p.Epoch != "" && p.Epoch != "0" {
		evr = p.Epoch + ":" + evr
	}
	return p.Name + "-" + evr + "." + p.Arch
}

// A File is one file of a package.
type File struct {
	Path   string // absolute
	Size   int64
	Mode   fs.FileMode
	Link   string // of a symbolic link: where it leads
	SHA256 string // of a regular file that has content

	inode uint32 // hard links share it; 0: not known
	ghost bool   // belongs to the package and is not in it
}

const (
	leadSize = 96
	// maxSignature and maxHeader bound the two headers. The largest packages
	// of distributions have some MiB.
	maxSignature = 16 << 20
	maxHeader    = 64 << 20
	// maxFiles bounds the files of a package.
	maxFiles = 200_000
)

var leadMagic = []byte{0xed, 0xab, 0xee, 0xdb}

// Read reads the headers of a package and leaves r at its payload. The header
// is held against its own digests; it is as trustworthy as the package.
func Read(r io.Reader) (*Package, error) {
	lead := make([]byte, leadSize)
	if _, err := io.ReadFull(r, lead); err != nil {
		return nil, cut(err)
	}
	if !bytes.Equal(lead[:4], leadMagic) {
		return nil, errors.New("it is no RPM package")
	}
	sig, err := readHeader(r, maxSignature)
	if err != nil {
		return nil, fmt.Errorf("its signature header: %w", err)
	}
	if _, err := io.CopyN(io.Discard, r, int64(-len(sig.raw)&7)); err != nil {
		return nil, cut(err)
	}
	main, err := readHeader(r, maxHeader)
	if err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	p := &Package{sig: sig, main: main}
	if err := p.checkHeader(); err != nil {
		return nil, err
	}
	if err := p.describe(); err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	return p, nil
}

// cut says that a package ends too early.
func cut(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the package is cut")
	}
	return err
}

// Tags of the header that are of use.
const (
	tagName         = 1000
	tagVersion      = 1001
	tagRelease      = 1002
	tagEpoch        = 1003
	tagArch         = 1022
	tagFileSizes    = 1028
	tagFileModes    = 1030
	tagFileDigests  = 1035
	tagFileLinks    = 1036
	tagFileFlags    = 1037
	tagInodes       = 1096
	tagDirIndexes   = 1116
	tagBaseNames    = 1117
	tagDirNames     = 1118
	tagFormat       = 1124
	tagCompressor   = 1125
	tagLongSizes    = 5008
	tagDigestAlgo   = 5011
	tagPayload      = 5092
	tagPayloadAlgo  = 5093
	flagGhost       = 1 << 6
	algoSHA256      = 8
	modeType        = 0o170000
	modeRegular     = 0o100000
	modeDirectory   = 0o040000
	modeLink        = 0o120000
	maxStringLength = 64 << 10
)

func (p *Package) describe() error {
	h := p.main
	for _, field := range []struct {
		tag int
		to  *string
	}{
		{tagName, &p.Name}, {tagVersion, &p.Version}, {tagRelease, &p.Release}, {tagArch, &p.Arch},
	} {
		text, err := h.text(field.tag)
		if err == nil && !plain(text) {
			err = fmt.Errorf("a part of the package's name is %q", text)
		}
		if err != nil {
			return err
		}
		*field.to = text
	}
	if epoch, err := h.numbers(tagEpoch); err == nil && len(epoch) == 1 {
		p.Epoch = fmt.Sprint(epoch[0])
	}
	if err := p.describePayload(); err != nil {
		return err
	}
	return p.describeFiles()
}

// plain says whether a text can stand in messages and names.
func plain(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '/' })
}

func (p *Package) describePayload() error {
	if format, err := p.main.text(tagFormat); err == nil && format != "cpio" {
		return fmt.Errorf("its payload is %q; understood is cpio", format)
	}
	if c, err := p.main.text(tagCompressor); err == nil {
		p.compressor = c
	}
	algo, err := p.main.numbers(tagPayloadAlgo)
	if err != nil || len(algo) != 1 || algo[0] != algoSHA256 {
		return nil // old packages have none; their files' digests remain
	}
	sums, err := p.main.texts(tagPayload)
	if err == nil && len(sums) == 1 {
		p.sha256 = strings.ToLower(sums[0])
	}
	return nil
}

// fileColumns are the arrays of the header, each with a value for every file.
type fileColumns struct {
	bases, dirs, digests, links    []string
	sizes, at, modes, flags, inode []uint64
	strong                         bool // the digests are SHA-256
}

// columns reads them. That one is shorter than another is a lie that other
// readers have fallen over.
func (h *header) columns() (c fileColumns, err error) {
	if c.bases, err = h.texts(tagBaseNames); err != nil {
		return fileColumns{}, nil // a package without files
	}
	n := len(c.bases)
	if n > maxFiles {
		return c, fmt.Errorf("it has more than %d files", maxFiles)
	}
	if c.dirs, err = h.texts(tagDirNames); err != nil {
		return c, err
	}
	if c.sizes, err = h.column(tagLongSizes, n, false); errors.Is(err, errNoTag) {
		c.sizes, err = h.column(tagFileSizes, n, false)
	}
	var errs [6]error
	c.at, errs[0] = h.column(tagDirIndexes, n, false)
	c.modes, errs[1] = h.column(tagFileModes, n, false)
	c.flags, errs[2] = h.column(tagFileFlags, n, false)
	c.inode, errs[3] = h.column(tagInodes, n, true)
	c.digests, errs[4] = h.textColumn(tagFileDigests, n)
	c.links, errs[5] = h.textColumn(tagFileLinks, n)
	algo, algoErr := h.numbers(tagDigestAlgo)
	c.strong = algoErr == nil && len(algo) == 1 && algo[0] == algoSHA256
	for _, e := range errs {
		if err == nil {
			err = e
		}
	}
	return c, err
}

// describeFiles puts the arrays of the header together.
func (p *Package) describeFiles() error {
	c, err := p.main.columns()
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, base := range c.bases {
		name, err := pathOf(c.dirs, c.at[i], base)
		if err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("it has %q twice", name)
		}
		seen[name] = true
		f := File{
			Path: name, Size: int64(c.sizes[i]), Mode: modeOf(c.modes[i]), Link: c.links[i],
			inode: uint32(c.inode[i]), ghost: c.flags[i]&flagGhost != 0,
		}
		if c.strong {
			f.SHA256 = strings.ToLower(c.digests[i])
		}
		p.Files = append(p.Files, f)
	}
	return nil
}

// pathOf puts a path together, and refuses whatever is more than a name in a
// directory.
func pathOf(dirs []string, at uint64, base string) (string, error) {
	if at >= uint64(len(dirs)) {
		return "", fmt.Errorf("%q is in a directory that it does not list", base)
	}
	dir := dirs[at]
	full := dir + base
	switch {
	case base == "" || base == "." || base == ".." || strings.Contains(base, "/"):
		return "", fmt.Errorf("a file cannot be called %q", base)
	case !strings.HasPrefix(dir, "/") || !strings.HasSuffix(dir, "/"):
		return "", fmt.Errorf("%q is no directory's path", dir)
	case path.Clean(full) != full || !utf8.ValidString(full) || strings.ContainsFunc(full, unicode.IsControl):
		return "", fmt.Errorf("%q is no path", full)
	}
	return full, nil
}

func modeOf(raw uint64) fs.FileMode {
	mode := fs.FileMode(raw & 0o777)
	switch raw & modeType {
	case modeRegular:
		return mode
	case modeDirectory:
		return mode | fs.ModeDir
	case modeLink:
		return mode | fs.ModeSymlink
	}
	return mode | fs.ModeIrregular
}
