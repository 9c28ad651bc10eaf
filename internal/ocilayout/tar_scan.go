package ocilayout

import (
	"archive/tar"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/ocilayout/foreign"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
	"github.com/bayplan/bayplan/internal/pieces"
	"github.com/bayplan/bayplan/internal/readers"
)

const (
	tarBlock = 512
	// tarEnd is the number of zeros that end an archive.
	tarEnd = 2 * tarBlock
	// unusedName is the name of entries that hold nothing: an old index, or a
	// blob that was never complete.
	unusedName = ".bayplan-unused"
	// maxLayoutFile is the largest oci-layout.
	maxLayoutFile = 1000
	// maxEntries is the largest number of entries in an archive.
	maxEntries = 1_000_000
)

// A span is the place of an entry in a file.
type span struct {
	f         *pieces.File
	at        int64 // of its bytes
	size      int64
	header    int64  // of its entry
	following int64  // where the entry after it begins
	text      []byte // of a small file that was read with its header; nil: it is in f
}

// A listing is the entries of a tar archive.
type listing struct {
	f          *pieces.File
	from, size int64 // where the archive begins, and where f ends

	blobs   map[digest.Digest]span
	unused  []span
	layout  *span // of the last oci-layout
	index   *span // of the last index.json
	end     int64 // where the entry after the last one would begin
	entries int
	below   string // a directory that holds an oci-layout
	docker  bool   // some of the entries are those of the old format of docker save
}

func newListing(f *pieces.File, from, size int64) *listing {
	return &listing{f: f, from: from, size: size, blobs: map[digest.Digest]span{}, end: from}
}

// list reads the headers of an archive that begins at from. Nothing is
// unpacked, but an archive with entries that do not belong in a layout is
// rejected, because another program may unpack it. Along with an error it gives
// the entries before.
func list(f *pieces.File, from, size int64) (*listing, error) {
	l := newListing(f, from, size)
	section := io.NewSectionReader(f, from, max(0, size-from))
	at := func() int64 {
		n, _ := section.Seek(0, io.SeekCurrent) // it cannot fail
		return n
	}
	return l, l.read(section, at, func(*span, io.Reader) error { return nil })
}

// stream is list for the bytes of an archive that come once. It keeps the index and the
// oci-layout, so that they are not read again.
func (l *listing) stream(r io.Reader) error {
	n := int64(0)
	counted := readers.Counting(r, func(more int64) { n += more })
	return l.read(struct{ io.Reader }{counted}, func() int64 { return n }, func(s *span, content io.Reader) (err error) {
		if s == l.index && s.size <= maxIndex || s == l.layout && s.size <= maxLayoutFile {
			s.text, err = io.ReadAll(content)
		}
		return err
	})
}

// read reads entries. at gives the number of bytes that were read, and keep gets each entry with
// its content.
func (l *listing) read(r io.Reader, at func() int64, keep func(*span, io.Reader) error) error {
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the entry after byte %d: %w", l.end, err)
		}
		s := &span{f: l.f, at: l.from + at(), size: h.Size, header: l.end}
		if err := l.add(h, s); err != nil {
			return err
		}
		if err := keep(s, tr); err != nil {
			return err
		}
	}
}

// add adds one entry.
func (l *listing) add(h *tar.Header, s *span) error {
	l.docker = l.docker || foreign.IsDockerEntry(h.Name)
	name, err := entryName(h)
	if err != nil {
		return err
	}
	s.following = s.at + blocks(s.size)
	switch {
	case s.size > l.size || s.following > l.size:
		return fmt.Errorf("it is cut off in %.200q", h.Name)
	case l.entries == maxEntries:
		return fmt.Errorf("more than %d entries", maxEntries)
	}
	l.end = s.following
	l.entries++
	if dir, file := path.Split(name); file == layoutFile && dir != "" {
		l.below = path.Clean(dir)
	}
	switch name {
	case layoutFile:
		l.layout = s
	case indexFile:
		l.index = s
	case unusedName:
		l.unused = append(l.unused, *s)
	default:
		if d, ok := blobName(name); ok {
			l.blobs[d] = *s
		}
	}
	return nil
}

// entryName gives the name of a file that may be in a layout, "" for an entry
// without content.
func entryName(h *tar.Header) (string, error) {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return "", fmt.Errorf("%.200q is a sparse file, which a layout has not", h.Name)
		}
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir:
	case tar.TypeXGlobalHeader:
		return "", nil
	case tar.TypeLink, tar.TypeSymlink:
		return "", fmt.Errorf("%.200q is a link, which a layout has not", h.Name)
	default:
		return "", fmt.Errorf("%.200q is an entry of type %q, which a layout has not", h.Name, h.Typeflag)
	}
	if path.IsAbs(h.Name) || strings.Contains("/"+h.Name+"/", "/../") || strings.ContainsRune(h.Name, 0) {
		return "", fmt.Errorf("%.200q would lie outside of it", h.Name)
	}
	if h.Typeflag == tar.TypeDir {
		return "", nil
	}
	return path.Clean(h.Name), nil
}

// blobName reads the name of a blob's file.
func blobName(name string) (digest.Digest, bool) {
	rest, ok := strings.CutPrefix(name, "blobs/")
	algorithm, hex, found := strings.Cut(rest, "/")
	d := digest.Digest(algorithm + ":" + hex)
	return d, ok && found && d.Validate() == nil
}

// blobEntry is the name of a blob's file.
func blobEntry(d digest.Digest) string { return "blobs/" + d.Algorithm().String() + "/" + d.Encoded() }

// blocks is the room that so many bytes take in an archive.
func blocks(n int64) int64 { return (n + tarBlock - 1) &^ (tarBlock - 1) }

// readArchive reads a complete archive of a layout.
func readArchive(f *pieces.File, name string) (*listing, *layoutindex.Index, error) {
	size, err := f.Size()
	if err != nil {
		return nil, nil, err
	}
	l, err := list(f, 0, size)
	idx, err := l.check(f, name, err)
	return l, idx, err
}

// check gives the index of a complete archive, which was read with an error or nil.
func (l *listing) check(f *pieces.File, name string, err error) (*layoutindex.Index, error) {
	if l.docker && l.layout == nil {
		return nil, foreign.OldArchiveError(name)
	}
	if err != nil {
		return nil, cmp.Or(foreign.CompressedError(name, f), fmt.Errorf("%s: %w", name, err))
	}
	if !l.ended(f) {
		return nil, fmt.Errorf("%s: the end of a tar archive is missing after byte %d: it is cut off, or none", name, l.end)
	}
	if l.layout == nil && l.below != "" {
		return nil, foreign.BelowError(name, l.below)
	}
	if l.layout == nil {
		return nil, fmt.Errorf("%s is not an OCI layout: it holds no file %s", name, layoutFile)
	}
	text, err := l.layout.read(maxLayoutFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", name, layoutFile, err)
	}
	if err := checkLayoutFile(text, name); err != nil {
		return nil, err
	}
	if l.index == nil {
		return nil, fmt.Errorf("%s is not an OCI layout: it holds no file %s", name, indexFile)
	}
	if text, err = l.index.read(maxIndex); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", name, indexFile, err)
	}
	return layoutindex.Parse(text, name+": "+indexFile)
}

// ended says whether the end mark follows the last entry.
func (l *listing) ended(f *pieces.File) bool {
	mark := make([]byte, tarEnd)
	_, err := f.ReadAt(mark, l.end)
	return err == nil && bytes.Equal(mark, make([]byte, tarEnd))
}

// extensible says whether blobs can be added in place: the index is the last
// entry, and its header has one block.
func (l *listing) extensible() bool {
	return l.index != nil && l.index.following == l.end && l.index.at == l.index.header+tarBlock
}

// read reads the content of an entry.
func (s span) read(most int64) ([]byte, error) {
	if s.size > most {
		return nil, fmt.Errorf("%d bytes are too much", s.size)
	}
	if s.text != nil {
		return s.text, nil
	}
	text := make([]byte, s.size)
	_, err := s.f.ReadAt(text, s.at)
	return text, err
}

// maxPlainSize is the size from which on the format of POSIX needs more than one block for the
// header of a file. That of GNU has one block for any size.
const maxPlainSize = 8 << 30

// tarHeader makes the header of a file in an archive. That of an unused file is one block.
func tarHeader(name string, size int64) ([]byte, error) {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: int64(layoutMode)}
	if name == unusedName && size >= maxPlainSize {
		h.Format = tar.FormatGNU
	}
	var b bytes.Buffer
	err := tar.NewWriter(&b).WriteHeader(h)
	if err == nil && b.Len()%tarBlock != 0 {
		err = errors.New("a header of a broken length")
	}
	return b.Bytes(), err
}
