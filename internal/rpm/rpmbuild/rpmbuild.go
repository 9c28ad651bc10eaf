// Package rpmbuild makes small RPM packages and repositories: valid ones, which stand in
// for real ones in a rehearsal, and broken ones for tests. It does not know their readers.
package rpmbuild

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // packages have it of themselves
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A File is one file of a package.
type File struct {
	Path  string
	Body  string
	Mode  uint16 // with the kind; 0: a regular file, 0644
	Link  string // makes it a symbolic link
	Inode uint32 // that hard links share; 0: one of its own
	Ghost bool   // listed and not in the payload
}

// A Spec describes a package. The zero value of a field means that of a usual
// package.
type Spec struct {
	Name, Version, Release, Arch string
	Epoch                        uint32
	Files                        []File
	Compressor                   string // gzip, zstd or none; another one with Compress
	Compress                     func([]byte) []byte

	// The fields below break the package.
	Tags    map[int]any         // replaces tags of the header; nil removes one
	SigTags map[int]any         // likewise of the signature header
	Payload func([]byte) []byte // changes the archive before it is packed
	Packed  func([]byte) []byte // changes the payload as packed, behind the back of its digests
	Sign    func(header []byte) []byte
}

// Numbers of the format.
const (
	regular  = 0o100000
	link     = 0o120000
	ghost    = 1 << 6
	sha256ID = 8
)

// Build makes the package.
func Build(s Spec) []byte {
	archive := cpio(s.Files)
	if s.Payload != nil {
		archive = s.Payload(archive)
	}
	packed := s.pack(archive)
	main := header(63, override(s.tags(packed), s.Tags))
	sig := map[int]any{
		269:  hex.EncodeToString(sum(sha1.New(), main)),
		273:  hex.EncodeToString(sum(sha256.New(), main)),
		1000: []uint32{uint32(len(main) + len(packed))},
		1004: sum(md5.New(), main, packed),
	}
	if s.Sign != nil {
		sig[268] = s.Sign(main)
	}
	head := header(62, override(sig, s.SigTags))
	if s.Packed != nil {
		packed = s.Packed(packed)
	}
	lead := make([]byte, 96)
	copy(lead, "\xed\xab\xee\xdb\x03\x00\x00\x00")
	return slices.Concat(lead, head, make([]byte, -len(head)&7), main, packed)
}

func (s Spec) compressor() string {
	if s.Compressor == "" {
		return "gzip"
	}
	return s.Compressor
}

func (s Spec) pack(archive []byte) []byte {
	if s.Compress != nil {
		return s.Compress(archive)
	}
	return pack(archive, s.compressor())
}

func override(tags, with map[int]any) map[int]any {
	maps.Copy(tags, with)
	maps.DeleteFunc(tags, func(_ int, v any) bool { return v == nil })
	return tags
}

// tags returns the tags of the package's header.
func (s Spec) tags(packed []byte) map[int]any {
	t := map[int]any{
		1000: s.Name, 1001: s.Version, 1002: s.Release, 1022: s.Arch,
		1124: "cpio", 1125: s.compressor(), 5092: []string{hex.EncodeToString(sum(sha256.New(), packed))}, 5093: []uint32{sha256ID},
	}
	if s.Epoch > 0 {
		t[1003] = []uint32{s.Epoch}
	}
	if len(s.Files) == 0 {
		return t
	}
	var dirs, bases, digests, links []string
	var at, sizes, flags, inodes []uint32
	var modes []uint16
	for i, f := range s.Files {
		dir := strings.TrimSuffix(path.Dir(f.Path), "/") + "/"
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
		at, bases = append(at, uint32(slices.Index(dirs, dir))), append(bases, path.Base(f.Path))
		sizes, modes = append(sizes, uint32(len(f.Body))), append(modes, f.mode())
		digest, flag, inode := "", uint32(0), f.Inode
		if f.mode()&0o170000 == regular {
			digest = hex.EncodeToString(sum(sha256.New(), []byte(f.Body)))
		}
		if f.Ghost {
			flag = ghost
		}
		if inode == 0 {
			inode = uint32(1000 + i)
		}
		digests, links, flags, inodes = append(digests, digest), append(links, f.Link), append(flags, flag), append(inodes, inode)
	}
	maps.Copy(t, map[int]any{
		1028: sizes, 1030: modes, 1035: digests, 1036: links, 1037: flags, 1096: inodes,
		1116: at, 1117: bases, 1118: dirs, 5011: []uint32{sha256ID},
	})
	return t
}

func (f File) mode() uint16 {
	switch {
	case f.Link != "":
		return link | 0o777
	case f.Mode == 0:
		return regular | 0o644
	}
	return f.Mode
}

// header makes a table of tags. Its first tag spans the whole table, as in real
// packages.
func header(region uint32, tags map[int]any) []byte {
	var table, data bytes.Buffer
	add := func(tag int, kind, offset, count uint32) {
		_ = binary.Write(&table, binary.BigEndian, []uint32{uint32(tag), kind, offset, count})
	}
	for _, tag := range slices.Sorted(maps.Keys(tags)) {
		kind, width, count := kindOf(tags[tag])
		for data.Len()%width != 0 {
			data.WriteByte(0)
		}
		add(tag, kind, uint32(data.Len()), count)
		switch v := tags[tag].(type) {
		case string:
			data.WriteString(v + "\x00")
		case []string:
			for _, text := range v {
				data.WriteString(text + "\x00")
			}
		default:
			_ = binary.Write(&data, binary.BigEndian, v)
		}
	}
	trailer := data.Len()
	_ = binary.Write(&data, binary.BigEndian, []int32{int32(region), 7, -int32(16 * (len(tags) + 1)), 16})
	var first bytes.Buffer
	_ = binary.Write(&first, binary.BigEndian, []uint32{region, 7, uint32(trailer), 16})
	var out bytes.Buffer
	out.WriteString("\x8e\xad\xe8\x01\x00\x00\x00\x00")
	_ = binary.Write(&out, binary.BigEndian, []uint32{uint32(len(tags) + 1), uint32(data.Len())})
	out.Write(first.Bytes())
	out.Write(table.Bytes())
	out.Write(data.Bytes())
	return out.Bytes()
}

func kindOf(v any) (kind uint32, width int, count uint32) {
	switch v := v.(type) {
	case string:
		return 6, 1, 1
	case []string:
		return 8, 1, uint32(len(v))
	case []byte:
		return 7, 1, uint32(len(v))
	case []uint16:
		return 3, 2, uint32(len(v))
	case []uint32:
		return 4, 4, uint32(len(v))
	case []uint64:
		return 5, 8, uint32(len(v))
	}
	panic(fmt.Sprintf("no kind of tag is a %T", v))
}

// cpio makes the archive. The last of several hard links has the content.
func cpio(files []File) []byte {
	var out bytes.Buffer
	last := map[uint32]int{}
	for i, f := range files {
		last[f.Inode] = i
	}
	for i, f := range files {
		body := f.Body
		switch {
		case f.Ghost:
			continue
		case f.Link != "":
			body = f.Link
		case f.Inode != 0 && last[f.Inode] != i:
			body = ""
		}
		Entry(&out, "."+f.Path, uint32(f.mode()), body)
	}
	Entry(&out, "TRAILER!!!", 0, "")
	return out.Bytes()
}

// Entry writes one entry of an archive.
func Entry(out *bytes.Buffer, name string, mode uint32, body string) {
	fmt.Fprintf(out, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(name)+1, 0)
	out.WriteString(name + "\x00")
	out.Write(make([]byte, -(110+len(name)+1)&3))
	out.WriteString(body)
	out.Write(make([]byte, -len(body)&3))
}

func pack(b []byte, kind string) []byte {
	var out bytes.Buffer
	switch kind {
	case "gzip":
		w := gzip.NewWriter(&out)
		_, _ = w.Write(b)
		_ = w.Close()
	case "zstd":
		w, err := zstd.NewWriter(&out)
		if err != nil {
			panic(err)
		}
		_, _ = w.Write(b)
		_ = w.Close()
	default:
		return b
	}
	return out.Bytes()
}

// sum returns the digest of all parts together.
func sum(h interface {
	Write([]byte) (int, error)
	Sum([]byte) []byte
}, parts ...[]byte,
) []byte {
	for _, p := range parts {
		_, _ = h.Write(p)
	}
	return h.Sum(nil)
}
