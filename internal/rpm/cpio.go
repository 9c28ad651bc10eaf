package rpm

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A cpioReader reads the archive inside a package. It supports the newc format,
// and the stripped format of packages with files above 4 GiB, which names files by
// their number in the header.
type cpioReader struct {
	r           io.Reader
	files       []File
	indexByPath map[string]int // path
	lastOfInode map[uint32]int // the last file of an inode
	left        int64          // unread bytes of the entry's content
	pad         int64          // padding after it
}

const (
	cpioNewc     = "070701"
	cpioCRC      = "070702"
	cpioStripped = "07070X"
	cpioTrailer  = "TRAILER!!!"
	cpioFields   = 13
	maxCPIOName  = 4 << 10
)

func newCPIO(r io.Reader, files []File) *cpioReader {
	c := &cpioReader{r: r, files: files, indexByPath: make(map[string]int, len(files)), lastOfInode: map[uint32]int{}}
	for i, f := range files {
		c.indexByPath[f.Path] = i
		if f.Mode.IsRegular() && f.inode != 0 {
			c.lastOfInode[f.inode] = i
		}
	}
	return c
}

// next goes to the next entry and returns the index of its file in the header and
// the size of its content. After the last entry it returns io.EOF.
func (c *cpioReader) next() (file int, size int64, err error) {
	if _, err := io.CopyN(io.Discard, c.r, c.left+c.pad); err != nil {
		return 0, 0, truncated(err)
	}
	magic := make([]byte, len(cpioNewc))
	if _, err := io.ReadFull(c.r, magic); err != nil {
		return 0, 0, truncated(err)
	}
	switch string(magic) {
	case cpioNewc, cpioCRC:
		file, size, err = c.nextNewc()
	case cpioStripped:
		file, size, err = c.nextStripped()
	default:
		return 0, 0, fmt.Errorf("its payload is damaged: an entry begins with %q", magic)
	}
	if err != nil {
		return 0, 0, err
	}
	c.left, c.pad = size, -size&3
	return file, size, nil
}

func (c *cpioReader) nextNewc() (int, int64, error) {
	raw := make([]byte, cpioFields*8)
	if _, err := io.ReadFull(c.r, raw); err != nil {
		return 0, 0, truncated(err)
	}
	field := func(i int) (int64, error) {
		n, err := strconv.ParseUint(string(raw[i*8:(i+1)*8]), 16, 32)
		return int64(n), err
	}
	size, err1 := field(6)
	length, err2 := field(11)
	if err := errors.Join(err1, err2); err != nil || length < 1 || length > maxCPIOName {
		return 0, 0, errors.New("its payload is damaged: an entry has an invalid header")
	}
	name := make([]byte, length+(-(6+cpioFields*8+length)&3))
	if _, err := io.ReadFull(c.r, name); err != nil {
		return 0, 0, truncated(err)
	}
	text := string(name[:length-1])
	if text == cpioTrailer {
		return 0, 0, io.EOF
	}
	i, ok := c.indexByPath["/"+strings.TrimPrefix(strings.TrimPrefix(text, "."), "/")]
	if !ok {
		return 0, 0, fmt.Errorf("its payload has %q, but its header has not", text)
	}
	return i, size, nil
}

// nextStripped reads an entry of the stripped format. Its size is in the package's
// header.
func (c *cpioReader) nextStripped() (int, int64, error) {
	raw := make([]byte, 8)
	if _, err := io.ReadFull(c.r, raw); err != nil {
		return 0, 0, truncated(err)
	}
	// Such an entry's header is 14 bytes long and padded to 16.
	if _, err := io.CopyN(io.Discard, c.r, 2); err != nil {
		return 0, 0, truncated(err)
	}
	i, err := strconv.ParseUint(string(raw), 16, 32)
	if err != nil || i >= uint64(len(c.files)) {
		return 0, 0, errors.New("its payload has a file that its header has not")
	}
	f := c.files[i]
	switch {
	case f.Mode.IsRegular():
		if last, linked := c.lastOfInode[f.inode]; linked && last != int(i) {
			return int(i), 0, nil // only the last of several hard links has the content
		}
		return int(i), f.Size, nil
	case f.Link != "":
		return int(i), int64(len(f.Link)), nil
	}
	return int(i), 0, nil
}

// Read reads the content of the entry.
func (c *cpioReader) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if err == io.EOF && c.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}
