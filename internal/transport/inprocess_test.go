package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each case is served by net/http's server and inside the process. The client
// must see the same.
func TestInProcessLikeServer(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 8192)
	cases := map[string]struct {
		method, body string
		handler      http.HandlerFunc
	}{
		"empty":            {"GET", "", func(http.ResponseWriter, *http.Request) {}},
		"small":            {"GET", "", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }},
		"big":              {"GET", "", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, big) }},
		"big with length":  {"GET", "", withLength(big)},
		"head":             {"HEAD", "", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }},
		"head of big":      {"HEAD", "", withLength(big)},
		"status":           {"GET", "", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) }},
		"no content":       {"DELETE", "", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }},
		"no content, body": {"DELETE", "", noContentBody},
		"not modified":     {"GET", "", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }},
		"flushed":          {"GET", "", flushed},
		"late header":      {"GET", "", lateHeader},
		"echo":             {"PUT", big, echo},
		"unread body":      {"PUT", big, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }},
		"the request":      {"POST", "body", echoRequest},
		"early hints":      {"GET", "", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(201) }},
		"too short":        {"GET", "", tooShort},
		"too long":         {"GET", "", tooLong},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(tt.handler)
			defer s.Close()
			addr := s.Listener.Addr().String()
			over := newTransport(t, Endpoint{Host: "x.test", Address: addr, TLS: Disabled})
			inside := newTransport(t, Endpoint{Host: "x.test", Handler: tt.handler})
			want := exchange(t, over, tt.method, tt.body)
			got := exchange(t, inside, tt.method, tt.body)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-server +inside:\n%s", diff)
			}
		})
	}
}

type exchanged struct {
	Status string
	Length int64
	Header http.Header
	Body   string
	Err    string
}

func exchange(t *testing.T, tr *Transport, method, body string) exchanged {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, _ := http.NewRequestWithContext(t.Context(), method, "http://x.test/path%2Fto?q=1", r)
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	e := exchanged{Status: resp.Status, Length: resp.ContentLength, Header: resp.Header, Body: string(b)}
	if err != nil {
		e.Err = err.Error()
	}
	delete(e.Header, "Date")
	return e
}

func withLength(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Header().Set("Content-Type", "application/octet-stream")
		if r.Method != "HEAD" {
			_, _ = io.WriteString(w, body)
		}
	}
}

func noContentBody(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusNoContent)
	if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrBodyNotAllowed) {
		panic("a body was taken")
	}
}

func flushed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "a")
	w.(http.Flusher).Flush()
	_, _ = io.WriteString(w, "b")
}

func lateHeader(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-A", "1")
	w.WriteHeader(http.StatusOK)
	w.Header().Set("X-A", "2")
}

func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	b, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
	_, _ = w.Write(b)
}

func echoRequest(w http.ResponseWriter, r *http.Request) {
	_, _ = fmt.Fprintln(w, r.Method, r.URL, r.RequestURI, r.Host, r.ContentLength, r.Proto, r.UserAgent(), r.URL.Path, r.TLS == nil)
}

func tooShort(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "10")
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "four")
}

func tooLong(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "2")
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "12")
	if _, err := io.WriteString(w, "34"); !errors.Is(err, http.ErrContentLength) {
		panic("too much was taken")
	}
}

func TestInProcessStreamsBothWays(t *testing.T) {
	tr := newTransport(t, Endpoint{Host: "x.test", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		b := make([]byte, 1)
		for {
			n, err := r.Body.Read(b)
			if n > 0 {
				_, _ = w.Write(bytes.ToUpper(b))
				w.(http.Flusher).Flush()
			}
			if err != nil {
				return
			}
		}
	})})
	pr, pw := io.Pipe()
	req, _ := http.NewRequestWithContext(t.Context(), "POST", "https://x.test/", pr)
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	for _, c := range "abc" {
		if _, err := io.WriteString(pw, string(c)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 1)
		if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != strings.ToUpper(string(c)) {
			t.Fatalf("sent %c, got %q, %v", c, b, err)
		}
	}
	_ = pw.Close()
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
		t.Errorf("at the end: %q, %v", rest, err)
	}
}

// A request that is cancelled has ended with its handler: what the handler does at its end
// is done.
func TestInProcessCancel(t *testing.T) {
	ended := false
	tr := newTransport(t, Endpoint{Host: "x.test", Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		ended = true
	})})
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", "https://x.test/", nil)
	cancel()
	_, err := tr.RoundTrip(req)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if !ended {
		t.Error("the handler still runs")
	}
}

func TestInProcessClosedEarly(t *testing.T) {
	ended := make(chan error, 1)
	tr := newTransport(t, Endpoint{Host: "x.test", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				ended <- err
				return
			}
		}
	})})
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "https://x.test/", nil)
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if err := <-ended; err == nil {
		t.Error("the handler could write without end")
	}
}

func TestInProcessPanic(t *testing.T) {
	tests := map[string]struct {
		handler http.HandlerFunc
		want    string
		is      error
	}{
		"before the head": {func(http.ResponseWriter, *http.Request) { panic("oh no") }, "x.test: the handler of x.test panicked: oh no", nil},
		"in the body": {func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			panic("oh no")
		}, "panicked: oh no", nil},
		"abort": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "the connection was cut", io.ErrUnexpectedEOF},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := get(t, newTransport(t, Endpoint{Host: "x.test", Handler: tt.handler}), "https://x.test/")
			if err == nil || !strings.Contains(err.Error(), tt.want) || (tt.is != nil && !errors.Is(err, tt.is)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// A closeRecorder is a body that records whether it was closed.
type closeRecorder struct {
	io.Reader
	closed chan struct{}
}

func (c *closeRecorder) Close() error {
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
	return nil
}

func TestInProcessRequestBody(t *testing.T) {
	broken := errors.New("the source broke")
	tests := map[string]struct {
		body   io.Reader
		length int64
		want   string
	}{
		"shorter than declared": {strings.NewReader("abc"), 5, "3 bytes long, not 5 as declared"},
		"fails":                 {io.MultiReader(strings.NewReader("abc"), failing{broken}), 5, "the source broke"},
		"longer than declared":  {strings.NewReader("abcdefgh"), 5, ""},
		"length unknown":        {strings.NewReader("abcde"), -1, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tr := newTransport(t, Endpoint{Host: "x.test", Handler: http.HandlerFunc(echo)})
			body := &closeRecorder{tt.body, make(chan struct{})}
			req, _ := http.NewRequestWithContext(t.Context(), "PUT", "https://x.test/", body)
			req.ContentLength = tt.length
			resp, err := tr.RoundTrip(req)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				<-body.closed
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			if err != nil || string(got) != "abcde" {
				t.Errorf("got %q, %v", got, err)
			}
			<-body.closed
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
