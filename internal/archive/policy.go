package archive

import (
	"archive/tar"
	"fmt"
	"io/fs"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
)

// A policy decides for each entry whether it is allowed. It lists what is
// allowed, and refuses everything else.
type policy struct {
	limits  Limits
	names   *nameChecker
	entries int
	bytes   int64
}

func newPolicy(l Limits) *policy {
	return &policy{limits: l, names: newNameChecker(l)}
}

// check returns the entry of a header. ok is false for a header without anything
// to unpack.
func (p *policy) check(h *tar.Header) (e Entry, ok bool, err error) {
	if p.entries++; p.entries > p.limits.Entries {
		return Entry{}, false, limitErrorf("Entries", "it holds more than %d entries", p.limits.Entries)
	}
	switch {
	case h.Typeflag == tar.TypeXGlobalHeader:
		err = checkGlobal(h)
	case h.Typeflag == tar.TypeReg:
		e, err = p.file(h)
		ok = true
	case h.Typeflag == tar.TypeDir:
		e, err = p.dir(h)
		ok = e.Name != "."
	default:
		err = refusedType(h.Typeflag)
	}
	if err != nil {
		return Entry{}, false, fmt.Errorf("entry %q: %w", h.Name, err)
	}
	return e, ok, nil
}

func (p *policy) file(h *tar.Header) (Entry, error) {
	if err := checkSize(h); err != nil {
		return Entry{}, err
	}
	if p.bytes += h.Size; p.bytes > p.limits.Bytes || h.Size > p.limits.Bytes {
		return Entry{}, limitErrorf("Bytes", "its files hold more than %d bytes", p.limits.Bytes)
	}
	if strings.HasSuffix(h.Name, "/") {
		return Entry{}, fmt.Errorf("a file with a directory's name")
	}
	name, err := p.names.file(h.Name)
	// Only the executable bit of the mode is kept, and never setuid.
	mode := fs.FileMode(0o644)
	if h.Mode&0o100 != 0 {
		mode = 0o755
	}
	return Entry{Name: name, Size: h.Size, Mode: mode}, err
}

func (p *policy) dir(h *tar.Header) (Entry, error) {
	if h.Size != 0 {
		return Entry{}, fmt.Errorf("a directory with %d bytes of content", h.Size)
	}
	name, err := p.names.dir(h.Name)
	return Entry{Name: name, Mode: fs.ModeDir | 0o755}, err
}

// maxOctal is the largest size that a plain tar header can have.
const maxOctal = 1<<33 - 1

// checkSize refuses headers with a size that readers interpret differently. With
// two sizes, some readers would take the content of a file for headers.
func checkSize(h *tar.Header) error {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return refusedType(tar.TypeGNUSparse)
		}
	}
	if _, ok := h.PAXRecords["size"]; ok && h.Size <= maxOctal {
		return fmt.Errorf("a second size, %d, where one is enough", h.Size)
	}
	return nil
}

// harmlessGlobal are the keys of a global header that do not change names, sizes
// or content. git archive writes a comment there.
var harmlessGlobal = map[string]bool{
	"comment": true, "mtime": true, "atime": true, "ctime": true, "charset": true, "hdrcharset": true,
	"uid": true, "gid": true, "uname": true, "gname": true,
}

func checkGlobal(h *tar.Header) error {
	for key := range h.PAXRecords {
		if !harmlessGlobal[key] {
			return fmt.Errorf("a header that sets %q for all entries", key)
		}
	}
	return nil
}

// typeNames describe the refused kinds of entries in messages.
var typeNames = map[byte]string{
	tar.TypeLink:      "a hard link",
	tar.TypeSymlink:   "a symbolic link",
	tar.TypeChar:      "a character device",
	tar.TypeBlock:     "a block device",
	tar.TypeFifo:      "a fifo",
	tar.TypeCont:      "a contiguous file",
	tar.TypeGNUSparse: "a sparse file",
	'V':               "a volume label",
	'M':               "a part of a multi-volume archive",
	'D':               "a directory dump",
}

func refusedType(flag byte) error {
	what, ok := typeNames[flag]
	if !ok {
		what = fmt.Sprintf("of unknown type %q", flag)
	}
	err := fmt.Errorf("it is %s; only files and directories are unpacked", what)
	if flag == tar.TypeGNUSparse {
		return fault.WithHint(err, "make the archive without tar's --sparse")
	}
	return err
}
