package readers_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/bayplan/bayplan/internal/readers"
)

func TestWithContext(t *testing.T) {
	cause := errors.New("interrupted")
	tests := []struct {
		name  string
		cause error
		want  []error
		text  string
	}{
		{"without a cause", nil, []error{context.Canceled}, context.Canceled.Error()},
		{"with a cause", cause, []error{context.Canceled, cause}, cause.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			r := readers.WithContext(ctx, strings.NewReader("hello"))
			buf := make([]byte, 3)
			if n, err := r.Read(buf); n != 3 || err != nil {
				t.Errorf("before the end: %d, %v", n, err)
			}
			cancel(tt.cause)
			n, err := r.Read(buf)
			if n != 0 || err == nil || err.Error() != tt.text {
				t.Errorf("after the end: %d, %v", n, err)
			}
			for _, want := range tt.want {
				if !errors.Is(err, want) {
					t.Errorf("%v is not %v", err, want)
				}
			}
		})
	}
}

func TestCounting(t *testing.T) {
	var calls, sum int64
	add := func(n int64) { calls, sum = calls+1, sum+n }
	for name, r := range map[string]io.Reader{
		"whole":           bytes.NewReader(make([]byte, 10)),
		"with its end":    iotest.DataErrReader(bytes.NewReader(make([]byte, 10))),
		"before it broke": io.MultiReader(bytes.NewReader(make([]byte, 10)), iotest.ErrReader(io.ErrUnexpectedEOF)),
	} {
		calls, sum = 0, 0
		if _, err := io.Copy(io.Discard, readers.Counting(r, add)); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", name, err)
		}
		if calls != 1 || sum != 10 {
			t.Errorf("%s: %d bytes in %d calls", name, sum, calls)
		}
	}
}
