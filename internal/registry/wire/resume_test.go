package wire

import (
	"errors"
	"io"
	"syscall"
	"testing"
)

func TestBreaks(t *testing.T) {
	reset := syscall.ECONNRESET
	type one struct {
		err    error
		passed int64
	}
	for want, all := range map[string][]one{
		"":                          nil,
		"connection reset":          {{reset, 0}},
		"connection reset, 2 times": {{reset, 0}, {syscall.EPIPE, 0}},
		"connection cut after 30 B": {{io.ErrUnexpectedEOF, 30}},
		"503 Service Unavailable":   {{errors.New("503 Service Unavailable"), 0}},
		"connection reset after 30.0 MiB, 5 times":           {{reset, 30 << 20}, {reset, 30 << 20}, {reset, 30 << 20}, {reset, 30<<20 + 1}, {reset, 30 << 20}},
		"connection reset after 1.0 KiB to 2.0 KiB, 2 times": {{reset, 1 << 10}, {reset, 2 << 10}},
		"connection reset after up to 2.0 KiB, 2 times":      {{reset, 0}, {reset, 2 << 10}},
		"connection reset after 1.0 KiB; connection cut":     {{reset, 1 << 10}, {io.EOF, 0}},
	} {
		var b Breaks
		for _, x := range all {
			b.Note(x.err, x.passed)
		}
		if got := b.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
