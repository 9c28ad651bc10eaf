package wire

import (
	"fmt"
	"io"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/transport"
)

// Breaks are the times that connections broke while one blob moved.
type Breaks struct{ kinds []breaks }

// breaks are those for one reason.
type breaks struct {
	reason      string
	times       int
	least, most int64 // bytes that had passed
}

// Note notes that a connection broke after some bytes had passed on it.
func (b *Breaks) Note(err error, passed int64) {
	reason := transport.Reason(err)
	if reason == "" {
		reason = Words(err)
	}
	for i := range b.kinds {
		if k := &b.kinds[i]; k.reason == reason {
			k.times++
			k.least, k.most = min(k.least, passed), max(k.most, passed)
			return
		}
	}
	b.kinds = append(b.kinds, breaks{reason, 1, passed, passed})
}

// String says why connections broke and how often: "connection reset after 30.0 MiB,
// 5 times".
func (b *Breaks) String() string {
	texts := make([]string, 0, len(b.kinds))
	for _, k := range b.kinds {
		text := k.reason
		switch least, most := human.Size(k.least), human.Size(k.most); {
		case k.most == 0:
		case k.least == 0:
			text += " after up to " + most
		case least == most:
			text += " after " + most
		default:
			text += " after " + least + " to " + most
		}
		if k.times > 1 {
			text += fmt.Sprintf(", %d times", k.times)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

// A CutError says that a blob could not be read to its end: its connections broke,
// and the rest could not be had.
type CutError struct{ breaks Breaks }

// Error says why the connections broke.
func (e *CutError) Error() string { return e.breaks.String() }

// Unwrap gives io.ErrUnexpectedEOF.
func (e *CutError) Unwrap() error { return io.ErrUnexpectedEOF }
