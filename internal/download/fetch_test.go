package download

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
)

func TestFetchFromServersOfAllKinds(t *testing.T) {
	const size = 300_000
	body, other := randomBytes(size, 1), randomBytes(size, 2)
	mixed := slices.Concat(body[:1000], other[1000:])
	etag := []string{`ETag: "one"`}
	span := func(from int, more ...string) []string {
		return append([]string{fmt.Sprintf("Content-Range: bytes %d-%d/%d", from, size-1, size), `ETag: "one"`}, more...)
	}
	pinned := Digests{SHA256: sumOfBytes(body)}
	tests := map[string]struct {
		answers []http.HandlerFunc
		want    Digests
		content []byte   // nil: it fails
		asked   []string // nil: not looked at
		err     string
		hint    string
		kept    bool // a part is left, to be continued
	}{
		"a good one":              {answers: []http.HandlerFunc{serveFile(body, `"one"`)}, want: pinned, content: body, asked: []string{"GET"}},
		"one that tells no size":  {answers: []http.HandlerFunc{chunked(body)}, want: pinned, content: body},
		"nothing to hold against": {answers: []http.HandlerFunc{chunked(body)}, content: body},
		"an empty file":           {answers: []http.HandlerFunc{serveFile(nil, `"none"`)}, content: []byte{}},
		"the connection breaks": {
			answers: []http.HandlerFunc{respond(200, body, 1000, etag...), serveFile(body, `"one"`)}, content: body,
			asked: []string{"GET", `GET bytes=1000- "one"`},
		},
		"it breaks where only a date is known": {
			answers: []http.HandlerFunc{respond(200, body, 1000, "Last-Modified: "+age), serveFile(body, `"one"`)}, content: body,
			asked: []string{"GET", "GET bytes=1000- " + age},
		},
		"it breaks and the ETag is weak": {
			answers: []http.HandlerFunc{respond(200, body, 1000, `ETag: W/"one"`, "Last-Modified: "+age), serveFile(body, `W/"one"`)}, content: body,
			asked: []string{"GET", "GET bytes=1000- " + age},
		},
		"it breaks, and nothing would tell what the rest is of": {
			answers: []http.HandlerFunc{respond(200, body, 1000), serveFile(body, "")}, content: body,
			asked: []string{"GET", "GET"},
		},
		"it breaks, and the digest will tell what the rest is of": {
			answers: []http.HandlerFunc{respond(200, body, 1000), respond(206, body[1000:], -1, span(1000)[0])}, want: pinned, content: body,
			asked: []string{"GET", "GET bytes=1000-"},
		},
		"it breaks again and again": {
			answers: []http.HandlerFunc{
				respond(200, body, 1000, etag...), respond(206, body[1000:], 1000, span(1000)...),
				respond(206, body[2000:], 0, span(2000)...), respond(206, body[2000:], -1, span(2000)...),
			},
			want: pinned, content: body,
		},
		"it knows no ranges": {
			answers: []http.HandlerFunc{respond(200, body, 1000, etag...), respond(200, body, -1, etag...)}, want: pinned, content: body,
		},
		"the file changes meanwhile": {
			answers: []http.HandlerFunc{respond(200, body, 1000, etag...), serveFile(other, `"two"`)}, content: other,
			asked: []string{"GET", `GET bytes=1000- "one"`},
		},
		"the file changes to a wrong one": {
			answers: []http.HandlerFunc{respond(200, body, 1000, etag...), serveFile(other, `"two"`)}, want: pinned,
			err: "its sha256 is " + sumOfBytes(other) + ", not " + pinned.SHA256, hint: "the server has a different file, or it was damaged in transit",
		},
		"the rest is of another file": {
			answers: []http.HandlerFunc{respond(200, body, 1000), respond(206, other[1000:], -1, span(1000)[0]), serveFile(body, "")}, want: pinned, content: body,
			asked: []string{"GET", "GET bytes=1000-", "GET"},
		},
		"the rest begins elsewhere": {
			answers: []http.HandlerFunc{respond(200, body, 1000, etag...), respond(206, body[900:], -1, span(900)...), serveFile(body, `"one"`)}, content: body,
			asked: []string{"GET", `GET bytes=1000- "one"`, "GET"},
		},
		"the rest has another ETag": {
			answers: []http.HandlerFunc{respond(200, body, 1000, etag...), respond(206, other[1000:], -1, span(1000)[0], `ETag: "two"`), serveFile(other, `"two"`)}, content: other,
		},
		"the rest has another date": {
			answers: []http.HandlerFunc{
				respond(200, body, 1000, `ETag: "one"`, "Last-Modified: "+age),
				respond(206, other[1000:], -1, append(span(1000), "Last-Modified: Wed, 13 May 2026 09:00:00 GMT")...), serveFile(other, `"two"`),
			},
			content: other,
		},
		"the rest is of a longer file": {
			answers: []http.HandlerFunc{respond(200, body, 1000, etag...), respond(206, body[1000:], -1, fmt.Sprintf("Content-Range: bytes 1000-%d/%d", size, size+1)), serveFile(body, `"one"`)}, content: body,
		},
		"the rest is said to be of nothing that makes sense": {
			answers: []http.HandlerFunc{respond(200, body, 1000, etag...), respond(206, body[1000:], -1, "Content-Range: bytes x-y/z")},
			err:     `the server sends a part with the Content-Range "bytes x-y/z"`, kept: true,
		},
		"the rest is longer than it is said to be": {
			answers: []http.HandlerFunc{respond(200, body, 1000, etag...), respond(206, append(body[1000:], "more"...), -1, span(1000)...), serveFile(body, `"one"`)}, content: body,
		},
		"a part comes unasked": {
			answers: []http.HandlerFunc{respond(206, body[:1000], -1, fmt.Sprintf("Content-Range: bytes 0-999/%d", size))},
			err:     "the file changes during the download, or the server sends other parts than the requested ones",
		},
		"the file is shorter by now": {
			answers: []http.HandlerFunc{respond(200, body, 1000, etag...), respond(416, nil, -1, "Content-Range: bytes */10"), serveFile(body[:10], `"two"`)}, content: body[:10],
		},
		"it announces more than there is": {
			answers: []http.HandlerFunc{respond(200, append(body, "not there"...), size, etag...), respond(416, nil, -1, fmt.Sprintf("Content-Range: bytes */%d", size))}, want: pinned, content: body,
		},
		"it announces more than there is, and nothing vouches for the rest": {
			answers: []http.HandlerFunc{respond(200, append(body, "not there"...), size, etag...), respond(416, nil, -1, fmt.Sprintf("Content-Range: bytes */%d", size)), respond(200, append(body, "not there"...), size, etag...)},
			err:     fmt.Sprintf("the connection was cut after %d bytes", size), kept: true,
		},
		"it always cuts": {
			answers: []http.HandlerFunc{respond(200, body, 0, etag...)}, err: "the connection was cut after 0 bytes",
		},
		"a mix that no digest fits": {
			answers: []http.HandlerFunc{respond(200, body, 1000), respond(206, other[1000:], -1, span(1000)[0]), respond(200, mixed, -1)}, want: pinned,
			err: "its sha256 is " + sumOfBytes(mixed),
		},
		"another file": {
			answers: []http.HandlerFunc{serveFile(other, `"two"`)}, want: pinned, asked: []string{"GET"},
			err: "its sha256 is " + sumOfBytes(other) + ", not " + pinned.SHA256,
		},
		"another file by its md5": {
			answers: []http.HandlerFunc{serveFile(other, `"two"`)}, want: Digests{MD5: strings.Repeat("0", 32)}, err: ", not " + strings.Repeat("0", 32),
		},
		"not there": {
			answers: []http.HandlerFunc{respond(404, nil, -1)}, asked: []string{"GET"},
			err: "the server answers 404 Not Found", hint: "the file is not there; correct the URL",
		},
		"not allowed": {
			answers: []http.HandlerFunc{respond(401, nil, -1)}, asked: []string{"GET"},
			err: "401 Unauthorized", hint: "give the host's credentials under connections.hosts, or correct them",
		},
		"busy for a moment": {
			answers: []http.HandlerFunc{respond(503, nil, -1, "Retry-After: 7"), serveFile(body, `"one"`)}, content: body, asked: []string{"GET", "GET"},
		},
		"busy for long": {
			answers: []http.HandlerFunc{respond(429, nil, -1, "Retry-After: 86400")}, asked: []string{"GET"}, err: "429 Too Many Requests",
		},
		"larger than the disk": {
			answers: []http.HandlerFunc{respond(200, nil, 0, fmt.Sprintf("Content-Length: %d", 1<<60))}, asked: []string{"GET"},
			err: "bytes free, the file takes 1152921504606846976 more", hint: "make room, or fetch it to somewhere else",
		},
		"what it cannot mean": {answers: []http.HandlerFunc{respond(204, nil, -1)}, err: "204 No Content"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &script{answers: tt.answers}
			server := httptest.NewServer(s)
			defer server.Close()
			c, _ := newTestClient(t)
			dir := t.TempDir()
			to := filepath.Join(dir, "file")
			got, err := c.Fetch(t.Context(), Download{Request: Request{URL: server.URL + "/file"}, To: to, Mode: 0o640, Want: tt.want})
			if tt.asked != nil {
				if diff := cmp.Diff(tt.asked, s.asked); diff != "" {
					t.Errorf("requests (-want +got):\n%s", diff)
				}
			}
			if left := Parts(to); len(left) > 0 != tt.kept {
				t.Errorf("left behind: %v", left)
			}
			if tt.content == nil {
				wantFailure(t, err, tt.err, tt.hint)
				if _, err := os.Stat(to); err == nil {
					t.Error("it has its name in spite of the error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wantFile(t, to, tt.content)
			if got.SHA256 != sumOfBytes(tt.content) || got.Size != int64(len(tt.content)) {
				t.Errorf("got %+v", got)
			}
			if fi, err := os.Stat(to); err != nil || fi.Mode().Perm() != 0o640 {
				t.Errorf("mode %v, %v", fi.Mode(), err)
			}
		})
	}
}

func TestWaits(t *testing.T) {
	s := &script{answers: []http.HandlerFunc{
		respond(503, nil, -1, "Retry-After: 7"), respond(502, nil, -1), respond(500, nil, -1),
	}}
	server := httptest.NewServer(s)
	defer server.Close()
	c, waits := newTestClient(t)
	_, err := c.Look(t.Context(), Request{URL: server.URL})
	wantFailure(t, err, "500 Internal Server Error", "")
	if !fault.IsConnection(err) {
		t.Error("it may be better later, and the error does not say so")
	}
	want := []time.Duration{7 * time.Second, 2 * time.Second}
	if diff := cmp.Diff(want, *waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
}

// A cancelled download is resumed, and the target is old or new.
func TestCancelledAndResumed(t *testing.T) {
	body := randomBytes(3_000_000, 3)
	server := httptest.NewServer(serveFile(body, `"one"`))
	defer server.Close()
	c, _ := newTestClient(t)
	to := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(to, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	d := Download{Request: Request{URL: server.URL}, To: to, Mode: 0o644, Want: Digests{SHA256: sumOfBytes(body)}}
	d.Moved = func(int64) { cancel() }
	if _, err := c.Fetch(ctx, d); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	wantFile(t, to, []byte("old"))
	if len(Parts(to)) != 1 {
		t.Fatalf("parts: %v", Parts(to))
	}
	d.Moved = nil
	got, err := c.Fetch(t.Context(), d)
	if err != nil || got.Resumed == 0 {
		t.Fatalf("got %+v, %v", got, err)
	}
	wantFile(t, to, body)
	if left := Parts(to); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A part is not resumed if it is of another version or another URL, or if nothing
// can verify the whole file. A part that is being written is not touched.
func TestPartsOfOthers(t *testing.T) {
	body := randomBytes(10_000, 4)
	s := &script{answers: []http.HandlerFunc{serveFile(body, `"one"`)}}
	server := httptest.NewServer(s)
	defer server.Close()
	c, _ := newTestClient(t)
	pinned := Digests{SHA256: sumOfBytes(body)}
	mine := Remote{ETag: `"one"`, Modified: age}
	tests := map[string]struct {
		part  string
		want  Digests
		asked string // the last request
	}{
		"mine":                     {partName("", server.URL+"/f", mine), pinned, `GET bytes=100- "one"`},
		"another version":          {partName("", server.URL+"/f", Remote{ETag: `"two"`}), pinned, "GET"},
		"another address":          {partName("", server.URL+"/g", mine), pinned, "GET"},
		"nothing vouches for mine": {partName("", server.URL+"/f", mine), Digests{}, "GET"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "f")
			part := filepath.Join(filepath.Dir(to), strings.Replace(filepath.Base(tt.part), filepath.Base(partPrefix("")), filepath.Base(partPrefix(to)), 1))
			if err := os.WriteFile(part, body[:100], 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Fetch(t.Context(), Download{Request: Request{URL: server.URL + "/f"}, To: to, Want: tt.want, Mode: 0o644}); err != nil {
				t.Fatal(err)
			}
			if got := s.asked[len(s.asked)-1]; got != tt.asked {
				t.Errorf("asked %q, want %q", got, tt.asked)
			}
			wantFile(t, to, body)
			if left := Parts(to); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestTwoAtOnce(t *testing.T) {
	body := randomBytes(1000, 5)
	server := httptest.NewServer(serveFile(body, `"one"`))
	defer server.Close()
	c, _ := newTestClient(t)
	to := filepath.Join(t.TempDir(), "f")
	d := Download{Request: Request{URL: server.URL}, To: to, Want: Digests{SHA256: sumOfBytes(body)}, Mode: 0o644}
	held, err := openPart(partName(to, server.URL, Remote{ETag: `"one"`, Modified: age}), d.Want)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Fetch(t.Context(), d)
	wantFailure(t, err, "another process is fetching the same file", "")
	held.remove()
	if _, err := c.Fetch(t.Context(), d); err != nil {
		t.Error(err)
	}
}

func TestCheckIsAskedBeforeTheName(t *testing.T) {
	body := randomBytes(1000, 6)
	server := httptest.NewServer(serveFile(body, `"one"`))
	defer server.Close()
	c, _ := newTestClient(t)
	to := filepath.Join(t.TempDir(), "f")
	var saw []byte
	d := Download{Request: Request{URL: server.URL}, To: to, Mode: 0o644, Check: func(r io.Reader) error {
		saw, _ = io.ReadAll(r)
		return errors.New("not signed by anybody")
	}}
	_, err := c.Fetch(t.Context(), d)
	wantFailure(t, err, "not signed by anybody", "")
	if !bytes.Equal(saw, body) {
		t.Errorf("it was shown %d bytes", len(saw))
	}
	if _, err := os.Stat(to); err == nil || len(Parts(to)) > 0 {
		t.Error("what was refused is there")
	}
}

func TestFullDiskIsFinal(t *testing.T) {
	err := explainFull(&fullError{dir: "/d", need: 10, free: 1})
	if !errors.Is(err, syscall.ENOSPC) || fault.IsConnection(err) || fault.Hint(err) == "" {
		t.Errorf("got %v", err)
	}
}

func TestLongNames(t *testing.T) {
	body := randomBytes(1000, 7)
	server := httptest.NewServer(serveFile(body, `"one"`))
	defer server.Close()
	c, _ := newTestClient(t)
	to := filepath.Join(t.TempDir(), strings.Repeat("n", 255))
	if _, err := c.Fetch(t.Context(), Download{Request: Request{URL: server.URL}, To: to, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	wantFile(t, to, body)
}
