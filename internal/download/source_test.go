package download

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// sourceOf is a source that breaks after some bytes of each answer, and notes from where it was
// opened. 0 breaks nothing.
func sourceOf(body []byte, breaks int, from *[]int64) *Source {
	return &Source{Size: int64(len(body)), Open: func(_ context.Context, n int64) (io.ReadCloser, error) {
		*from = append(*from, n)
		rest := body[n:]
		if breaks == 0 || breaks >= len(rest) {
			return io.NopCloser(bytes.NewReader(rest)), nil
		}
		cut := iotestErr{fault.AsConnection(errors.New("the line is cut"))}
		return io.NopCloser(io.MultiReader(bytes.NewReader(rest[:breaks]), cut)), nil
	}}
}

type iotestErr struct{ err error }

func (r iotestErr) Read([]byte) (int, error) { return 0, r.err }

func fromSource(to string, s *Source, body []byte) Download {
	return Download{
		Request: Request{URL: "oci://registry.example/boot:1#sha256:0", Source: s}, To: to, Mode: 0o644,
		Want: Digests{SHA256: sumOfBytes(body)},
	}
}

// A file from a source is continued where its line broke, in this run while it makes progress and
// else in the next one, and a part that is not its beginning is left out.
func TestFetchFromSource(t *testing.T) {
	body := randomBytes(3<<20, 9)
	for name, tt := range map[string]struct {
		breaks int
		part   []byte // left by a run before
		want   []int64
		err    string
	}{
		"whole":                         {want: []int64{0}},
		"with progress":                 {breaks: 2 << 20, want: []int64{0, 2 << 20}},
		"a run before":                  {part: body[:100], want: []int64{100}},
		"all of it by a run before":     {part: body, want: nil},
		"another beginning":             {part: []byte("something else"), want: []int64{14, 0}},
		"a part that is too large":      {part: append(bytes.Clone(body), 'x'), want: []int64{0}},
		"without progress":              {breaks: 1000, want: []int64{0}, err: "oci://registry.example/boot:1: the line is cut"},
		"without progress after a part": {breaks: 1000, part: body[:100], want: []int64{100}, err: "the line is cut"},
	} {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "kernel")
			var from []int64
			d := fromSource(to, sourceOf(body, tt.breaks, &from), body)
			if tt.part != nil {
				if err := os.WriteFile(partName(to, d.URL, Remote{}), tt.part, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			c, err := New(nil)
			if err != nil {
				t.Fatal(err)
			}
			c.pause = func(context.Context, time.Duration) error { return nil }
			_, err = c.Fetch(t.Context(), d)
			if !slices.Equal(from, tt.want) {
				t.Errorf("opened from %v, want %v", from, tt.want)
			}
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v", err)
				}
				if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the file is there: %v", err)
				}
				d.Source = sourceOf(body, 0, &from)
				if got, err := c.Fetch(t.Context(), d); err != nil || got.Resumed != int64(1000+len(tt.part)) {
					t.Errorf("the next run: %d bytes were there, %v", got.Resumed, err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(to); err != nil || !bytes.Equal(got, body) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if left := Parts(to); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// A source that has other bytes than its digest says leaves nothing.
func TestFetchFromWrongSource(t *testing.T) {
	for name, body := range map[string]string{"other bytes": "other", "none": ""} {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "kernel")
			var from []int64
			c, err := New(nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Fetch(t.Context(), fromSource(to, sourceOf([]byte(body), 0, &from), []byte("right")))
			var wrong *DigestError
			if !errors.As(err, &wrong) || len(Parts(to)) > 0 {
				t.Errorf("got %v, left %v", err, Parts(to))
			}
		})
	}
}
