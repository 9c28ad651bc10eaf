package download

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// randomBytes returns the same n bytes for the same seed.
func randomBytes(n int, seed uint64) []byte {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = rng.Read(b)
	return b
}

func sumOfBytes(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

const age = "Tue, 12 May 2026 09:00:00 GMT"

// A script answers requests in order; the last answer repeats.
type script struct {
	answers []http.HandlerFunc
	asked   []string // method, Range and If-Range of each request
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	turn := min(len(s.asked), len(s.answers)-1)
	s.asked = append(s.asked, strings.TrimSpace(r.Method+" "+r.Header.Get("Range")+" "+r.Header.Get("If-Range")))
	s.answers[turn](w, r)
}

// respond answers with a status, headers as "Name: value" and a body. The
// connection breaks after cut bytes; -1 means never.
func respond(status int, body []byte, cut int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		if w.Header().Get("Content-Length") == "" {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		w.WriteHeader(status)
		if r.Method == http.MethodHead {
			return
		}
		if cut < 0 {
			_, _ = w.Write(body)
			return
		}
		_, _ = w.Write(body[:cut])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// serveFile answers as a correct server does.
func serveFile(body []byte, etag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", etag)
		at, _ := http.ParseTime(age)
		http.ServeContent(w, r, "", at, bytes.NewReader(body))
	}
}

func chunked(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		_, _ = w.Write(body)
	}
}

// newTestClient makes a client that records its waits instead of waiting.
func newTestClient(t *testing.T, hosts ...Host) (*Client, *[]time.Duration) {
	t.Helper()
	c, err := New(hosts)
	if err != nil {
		t.Fatal(err)
	}
	waits := &[]time.Duration{}
	c.pause = func(ctx context.Context, d time.Duration) error {
		*waits = append(*waits, d)
		return ctx.Err()
	}
	return c, waits
}

func wantFailure(t *testing.T, err error, text, hint string) {
	t.Helper()
	if err == nil {
		t.Fatalf("it worked, want an error with %q", text)
	}
	if !strings.Contains(err.Error(), text) || text == "" {
		t.Errorf("error %q, want %q in it", err, text)
	}
	if hint != "" && fault.Hint(err) != hint {
		t.Errorf("hint %q, want %q", fault.Hint(err), hint)
	}
}

func wantFile(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes that are not the %d wanted", filepath.Base(path), len(got), len(want))
	}
}
