// Package rpm reads untrusted RPM packages and finds packages in repositories. It
// lists the files of a package by its header, and returns single files of its
// payload as a tar stream. It installs nothing and does not need the rpm tools. It
// checks every digest that a package has of itself, and with keys its signature.
// It does not know steps or plans.
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

// A Package is the content of an RPM's header.
type Package struct {
	Name, Epoch, Version, Release, Arch string
	Files                               []File

	sig, main  *header
	compressor string
	sha256     string // of the compressed payload, "" if the header has none
}

// NEVRA returns the full name of the package: name-epoch:version-release.arch,
// without an epoch of 0.
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
	Link   string // target of a symbolic link
	SHA256 string // of a regular file with content

	inode uint32 // shared by hard links; 0: unknown
	ghost bool   // listed in the package, but without content
}

const (
	leadSize = 96
	// maxSignature and maxHeader are the largest sizes of the two headers. The
	// largest packages of distributions have a few MiB.
	maxSignature = 16 << 20
	maxHeader    = 64 << 20
	// maxFiles is the largest number of files in a package.
	maxFiles = 200_000
)

var leadMagic = []byte{0xed, 0xab, 0xee, 0xdb}

// Read reads the headers of a package and leaves r at its payload. It checks the
// header's own digests, which do not make an untrusted package trusted.
func Read(r io.Reader) (*Package, error) {
	lead := make([]byte, leadSize)
	if _, err := io.ReadFull(r, lead); err != nil {
		return nil, truncated(err)
	}
	if !bytes.Equal(lead[:4], leadMagic) {
		return nil, errors.New("it is not an RPM package")
	}
	sig, err := readHeader(r, maxSignature)
	if err != nil {
		return nil, fmt.Errorf("its signature header: %w", err)
	}
	if _, err := io.CopyN(io.Discard, r, int64(-len(sig.raw)&7)); err != nil {
		return nil, truncated(err)
	}
	main, err := readHeader(r, maxHeader)
	if err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	p := &Package{sig: sig, main: main}
	if err := p.checkHeader(); err != nil {
		return nil, err
	}
	if err := p.parseMain(); err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	return p, nil
}

// truncated turns the error of an early end into one about the package.
func truncated(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the package is truncated")
	}
	return err
}

// Tags of the header and their values.
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

func (p *Package) parseMain() error {
	h := p.main
	for _, field := range []struct {
		tag int
		to  *string
	}{
		{tagName, &p.Name}, {tagVersion, &p.Version}, {tagRelease, &p.Release}, {tagArch, &p.Arch},
	} {
		text, err := h.text(field.tag)
		if err == nil && !isPlainText(text) {
			err = fmt.Errorf("the package's name has the invalid part %q", text)
		}
		if err != nil {
			return err
		}
		*field.to = text
	}
	if epoch, err := h.numbers(tagEpoch); err == nil && len(epoch) == 1 {
		p.Epoch = fmt.Sprint(epoch[0])
	}
	if err := p.parsePayload(); err != nil {
		return err
	}
	return p.parseFiles()
}

// isPlainText reports whether a text can be part of messages and file names.
func isPlainText(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '/' })
}

func (p *Package) parsePayload() error {
	if format, err := p.main.text(tagFormat); err == nil && format != "cpio" {
		return fmt.Errorf("its payload is %q; only cpio is supported", format)
	}
	if c, err := p.main.text(tagCompressor); err == nil {
		p.compressor = c
	}
	algo, err := p.main.numbers(tagPayloadAlgo)
	if err != nil || len(algo) != 1 || algo[0] != algoSHA256 {
		return nil // old packages have only the digests of their files
	}
	sums, err := p.main.texts(tagPayload)
	if err == nil && len(sums) == 1 {
		p.sha256 = strings.ToLower(sums[0])
	}
	return nil
}

// fileColumns are the arrays of the header, each with a value for every file.
type fileColumns struct {
	bases, dirs, digests, links            []string
	sizes, dirIndexes, modes, flags, inode []uint64
	sha256                                 bool // whether the digests are SHA-256
}

// columns reads the arrays. It checks that all have the same length: other readers
// have had bugs with arrays of different lengths.
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
	c.dirIndexes, errs[0] = h.column(tagDirIndexes, n, false)
	c.modes, errs[1] = h.column(tagFileModes, n, false)
	c.flags, errs[2] = h.column(tagFileFlags, n, false)
	c.inode, errs[3] = h.column(tagInodes, n, true)
	c.digests, errs[4] = h.textColumn(tagFileDigests, n)
	c.links, errs[5] = h.textColumn(tagFileLinks, n)
	algo, algoErr := h.numbers(tagDigestAlgo)
	c.sha256 = algoErr == nil && len(algo) == 1 && algo[0] == algoSHA256
	for _, e := range errs {
		if err == nil {
			err = e
		}
	}
	return c, err
}

// parseFiles makes the files from the arrays of the header.
func (p *Package) parseFiles() error {
	c, err := p.main.columns()
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, base := range c.bases {
		name, err := pathOf(c.dirs, c.dirIndexes[i], base)
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
		if c.sha256 {
			f.SHA256 = strings.ToLower(c.digests[i])
		}
		p.Files = append(p.Files, f)
	}
	return nil
}

// pathOf joins a directory and a name. It refuses anything but a plain name in an
// absolute, clean directory.
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
		return "", fmt.Errorf("%q is not the path of a directory", dir)
	case path.Clean(full) != full || !utf8.ValidString(full) || strings.ContainsFunc(full, unicode.IsControl):
		return "", fmt.Errorf("%q is not a valid path", full)
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
