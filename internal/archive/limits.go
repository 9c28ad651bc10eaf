package archive

import (
	"cmp"
	"errors"
	"fmt"
)

// Limits bound what an archive may hold. A zero field takes its default. They
// let through every archive of images there is; what fills a disk first is
// told by the room that is left on it.
type Limits struct {
	Entries   int   // files and directories; 10,000
	Bytes     int64 // of all files together; 128 GiB
	Ratio     int64 // unpacked bytes for each packed one; 1000, as gzip makes of nothing but zeros 1029
	RatioFrom int64 // unpacked bytes from which on Ratio counts; 256 MiB
	Name      int   // bytes of a whole name; 1,024
	Component int   // bytes of a name between two slashes; 255
	Depth     int   // components of a name; 32
	Window    int64 // bytes of decompression memory the archive may ask for; 128 MiB
}

// ErrLimit is what every error about a limit wraps.
var ErrLimit = errors.New("limit reached")

// A LimitError tells which limit an archive goes beyond.
type LimitError struct {
	Limit string // the field of Limits
	text  string
}

// Error tells what there is too much of.
func (e *LimitError) Error() string { return ErrLimit.Error() + ": " + e.text }

// Unwrap gives ErrLimit.
func (e *LimitError) Unwrap() error { return ErrLimit }

func limitf(limit, format string, args ...any) error {
	return &LimitError{limit, fmt.Sprintf(format, args...)}
}

// orDefault fills in the defaults.
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

// overhead is what headers and padding of an entry may take in the unpacked
// stream: two extended headers of the most that archive/tar takes.
const overhead = 2<<20 + 4096

// stream gives the most bytes that an unpacked stream may have.
func (l Limits) stream(entries int) int64 {
	return l.Bytes + int64(entries+16)*overhead
}
