package rpm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// A header is a table of tagged values, together with its bytes.
type header struct {
	raw     []byte
	data    []byte // the values; entries have offsets into it
	entries map[int]entry
}

// An entry is where the values of a tag are.
type entry struct {
	kind   uint32
	offset uint32
	count  uint32
}

// Kinds of values.
const (
	kindChar   = 1
	kindInt8   = 2
	kindInt16  = 3
	kindInt32  = 4
	kindInt64  = 5
	kindText   = 6
	kindBin    = 7
	kindTexts  = 8
	kindI18N   = 9
	introSize  = 16
	entrySize  = 16
	maxEntries = 64 << 10
)

var headerMagic = []byte{0x8e, 0xad, 0xe8, 0x01}

// readHeader reads a header with at most most bytes of values. It checks the sizes
// before it allocates memory for them.
func readHeader(r io.Reader, most int64) (*header, error) {
	intro := make([]byte, introSize)
	if _, err := io.ReadFull(r, intro); err != nil {
		return nil, truncated(err)
	}
	if !bytes.Equal(intro[:4], headerMagic) {
		return nil, errors.New("it has no header magic")
	}
	count, size := binary.BigEndian.Uint32(intro[8:]), binary.BigEndian.Uint32(intro[12:])
	if count == 0 || count > maxEntries || int64(size) > most {
		return nil, fmt.Errorf("%d entries in %d bytes are above the limits of %d and %d", count, size, maxEntries, most)
	}
	// The stated length may be a lie, so the buffer grows as the bytes arrive.
	var rest bytes.Buffer
	length := int64(count)*entrySize + int64(size)
	if n, err := io.CopyN(&rest, r, length); err != nil || n != length {
		return nil, truncated(err)
	}
	table := rest.Bytes()[:count*entrySize]
	h := &header{raw: append(intro, rest.Bytes()...), data: rest.Bytes()[count*entrySize:], entries: map[int]entry{}}
	for i := range int(count) {
		at := table[i*entrySize:]
		tag := int(binary.BigEndian.Uint32(at))
		e := entry{binary.BigEndian.Uint32(at[4:]), binary.BigEndian.Uint32(at[8:]), binary.BigEndian.Uint32(at[12:])}
		if _, twice := h.entries[tag]; twice {
			return nil, fmt.Errorf("the tag %d occurs twice", tag)
		}
		if int64(e.offset) > int64(size) {
			return nil, fmt.Errorf("the tag %d points outside", tag)
		}
		h.entries[tag] = e
	}
	return h, nil
}

// errNoTag is the error of a missing tag.
var errNoTag = errors.New("is missing")

func (h *header) find(tag int) (entry, []byte, error) {
	e, ok := h.entries[tag]
	if !ok {
		return entry{}, nil, fmt.Errorf("the tag %d %w", tag, errNoTag)
	}
	return e, h.data[e.offset:], nil
}

// text returns the first value of a tag of texts.
func (h *header) text(tag int) (string, error) {
	all, err := h.texts(tag)
	if err == nil && len(all) < 1 {
		err = fmt.Errorf("the tag %d has no value", tag)
	}
	if err != nil {
		return "", err
	}
	return all[0], nil
}

// texts returns the values of a tag of texts, each of which ends in a zero.
func (h *header) texts(tag int) ([]string, error) {
	e, data, err := h.find(tag)
	if err != nil {
		return nil, err
	}
	count := e.count
	switch {
	case e.kind == kindText:
		count = 1
	case e.kind != kindTexts && e.kind != kindI18N:
		return nil, fmt.Errorf("the tag %d is not a text", tag)
	case int64(count) > int64(len(data)): // each has at least one byte
		return nil, fmt.Errorf("the tag %d has more values than fit", tag)
	}
	out := make([]string, 0, count)
	for range count {
		end := bytes.IndexByte(data[:min(len(data), maxStringLength)], 0)
		if end < 0 {
			return nil, fmt.Errorf("a text of the tag %d has no end", tag)
		}
		out = append(out, string(data[:end]))
		data = data[end+1:]
	}
	return out, nil
}

// widths are the sizes of numbers in bytes.
var widths = map[uint32]int{kindChar: 1, kindInt8: 1, kindInt16: 2, kindInt32: 4, kindInt64: 8}

// numbers returns the values of a tag of numbers.
func (h *header) numbers(tag int) ([]uint64, error) {
	e, data, err := h.find(tag)
	if err != nil {
		return nil, err
	}
	width := widths[e.kind]
	if width == 0 || int64(e.count)*int64(width) > int64(len(data)) {
		return nil, fmt.Errorf("the tag %d is not a number, or has more values than fit", tag)
	}
	out := make([]uint64, e.count)
	for i := range out {
		for _, b := range data[i*width : (i+1)*width] {
			out[i] = out[i]<<8 | uint64(b)
		}
	}
	return out, nil
}

// binary returns the bytes of a tag of bytes.
func (h *header) binary(tag int) ([]byte, error) {
	e, data, err := h.find(tag)
	if err != nil {
		return nil, err
	}
	if e.kind != kindBin || int64(e.count) > int64(len(data)) {
		return nil, fmt.Errorf("the tag %d is not bytes, or has more than fit", tag)
	}
	return data[:e.count], nil
}

// column returns the n numbers of a tag. If the tag is optional and missing, they
// are zeros.
func (h *header) column(tag, n int, optional bool) ([]uint64, error) {
	values, err := h.numbers(tag)
	if optional && errors.Is(err, errNoTag) {
		return make([]uint64, n), nil
	}
	if err == nil && len(values) != n {
		err = fmt.Errorf("the tag %d has %d values for %d files", tag, len(values), n)
	}
	for _, v := range values {
		if err == nil && v > math.MaxInt64 {
			err = fmt.Errorf("the tag %d has the value %d", tag, v)
		}
	}
	return values, err
}

// textColumn returns the n texts of a tag.
func (h *header) textColumn(tag, n int) ([]string, error) {
	values, err := h.texts(tag)
	if err == nil && len(values) != n {
		err = fmt.Errorf("the tag %d has %d values for %d files", tag, len(values), n)
	}
	return values, err
}
