package archive

import (
	"cmp"
	"errors"
	"fmt"
)

// Limits bound the content of an archive. A zero field means its default, which
// the comments name. The defaults accept all real archives of images; the check
// of free space catches an archive that fits the limits but not the disk.
type Limits struct {
	Entries   int   // files and directories; 10,000
	Bytes     int64 // of all files together; 128 GiB
	Ratio     int64 // unpacked bytes for each packed one; 1000, where gzip reaches 1029 with zeros only
	RatioFrom int64 // unpacked bytes below which Ratio does not apply; 256 MiB
	Name      int   // bytes of a whole name; 1,024
	Component int   // bytes of a name between two slashes; 255
	Depth     int   // components of a name; 32
	Window    int64 // bytes of memory that decompression may need; 128 MiB
}

// ErrLimit is wrapped by every error about a limit.
var ErrLimit = errors.New("limit reached")

// A LimitError is the error of an archive that exceeds a limit.
type LimitError struct {
	Limit string // the field of Limits
	text  string
}

// Error says what exceeds the limit.
func (e *LimitError) Error() string { return ErrLimit.Error() + ": " + e.text }

// Unwrap returns ErrLimit.
func (e *LimitError) Unwrap() error { return ErrLimit }

func limitErrorf(limit, format string, args ...any) error {
	return &LimitError{limit, fmt.Sprintf(format, args...)}
}

// orDefault replaces zero fields by the defaults.
func (l Limits) orDefault() Limits {
	return Limits{
		Entries:   cmp.Or(l.Entries, 10_000),
		Bytes:     cmp.Or(l.Bytes, 128<<30),
		Ratio:     cmp.Or(l.Ratio, 1000),
		RatioFrom: cmp.Or(l.RatioFrom, 256<<20),
		Name:      cmp.Or(l.Name, 1024),
		Component: cmp.Or(l.Component, 255),
		Depth:     cmp.Or(l.Depth, 32),
		Window:    cmp.Or(l.Window, 128<<20),
	}
}

// entryOverhead is the most that headers and padding of an entry take in the
// unpacked stream: two extended headers of the largest size that archive/tar
// accepts.
const entryOverhead = 2<<20 + 4096

// maxStream returns the largest allowed size of the unpacked stream.
func (l Limits) maxStream(entries int) int64 {
	return l.Bytes + int64(entries+16)*entryOverhead
}
