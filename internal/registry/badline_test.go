package registry

import (
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/internal/transport"
)

// A badLine forwards connections to a server. It resets each one after so many bytes
// of the client, or of the server.
type badLine struct {
	address        string
	down           int64        // bytes of the server that a connection carries; 0: any number
	up             atomic.Int64 // the same of the client; tests change it
	sent, received atomic.Int64
	resets         atomic.Int32

	when atomic.Int64 // bytes of the client after which then is called, 0: never
	then func()
	once sync.Once
}

// at calls do when the client has sent so many bytes.
func (b *badLine) at(sent int64, do func()) {
	b.then = do
	b.when.Store(sent)
}

func newBadLine(t *testing.T, h http.Handler, up, down int64) *badLine {
	t.Helper()
	s := httptest.NewServer(h)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &badLine{address: l.Addr().String(), down: down}
	b.up.Store(up)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { b.relay(c.(*net.TCPConn), s.Listener.Addr().String()) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.CloseClientConnections()
		s.Close()
		all.Wait()
	})
	return b
}

func (b *badLine) relay(client *net.TCPConn, to string) {
	_ = client.SetReadBuffer(64 << 10)
	c, err := net.Dial("tcp", to)
	if err != nil {
		_ = client.Close()
		return
	}
	server := c.(*net.TCPConn)
	var reset atomic.Bool
	copyTo := func(to, from *net.TCPConn, n *atomic.Int64, most int64) {
		left, buf := most, make([]byte, 32<<10)
		for {
			got, err := from.Read(buf)
			n.Add(int64(got))
			if when := b.when.Load(); n == &b.sent && when > 0 && n.Load() >= when {
				b.once.Do(b.then)
			}
			if got > 0 {
				if _, err := to.Write(buf[:got]); err != nil {
					return
				}
			}
			left -= int64(got)
			if most > 0 && left <= 0 {
				reset.Store(true)
			}
			if err != nil || reset.Load() {
				break
			}
		}
		if reset.Load() {
			_, _ = to.SetLinger(0), from.SetLinger(0)
			_, _ = to.Close(), from.Close()
			return
		}
		_ = to.CloseWrite()
	}
	var both sync.WaitGroup
	both.Go(func() { copyTo(server, client, &b.sent, b.up.Load()) })
	both.Go(func() { copyTo(client, server, &b.received, b.down) })
	both.Wait()
	if reset.Load() {
		b.resets.Add(1)
	}
	_, _ = client.Close(), server.Close()
}

// A quirky registry is bayplan's with the habits of others.
type quirky struct {
	http.Handler
	mu       sync.Mutex
	counts   map[string]int // of requests, by method and kind
	forgets  bool           // an upload whose request broke is refused, as by docker-registry
	broken   map[string]bool
	tell     func(w http.ResponseWriter, r *http.Request) bool // may answer in its place
	cut      func(r *http.Request) bool                        // loses the answer
	brokenIn []string                                          // methods of the requests that broke
}

func newQuirky(t *testing.T) *quirky {
	t.Helper()
	r, err := registryserver.New(registryserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return &quirky{Handler: r, counts: map[string]int{}, broken: map[string]bool{}}
}

func (q *quirky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	q.counts[r.Method+" "+what(r.URL.Path)]++
	refuse := q.forgets && q.broken[r.URL.Path]
	q.mu.Unlock()
	if refuse {
		http.Error(w, `{"errors":[{"code":"BLOB_UPLOAD_INVALID"}]}`, http.StatusNotFound)
		return
	}
	if q.tell != nil && q.tell(w, r) {
		return
	}
	body := &watchedBody{ReadCloser: r.Body}
	r.Body = body
	if q.cut != nil && q.cut(r) {
		q.Handler.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	q.Handler.ServeHTTP(w, r)
	if body.failed {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.broken[r.URL.Path] = true
		q.brokenIn = append(q.brokenIn, r.Method)
	}
}

type watchedBody struct {
	io.ReadCloser
	failed bool
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.failed = b.failed || err != nil && err != io.EOF
	return n, err
}

// bigImage puts an image with one layer of random bytes into a registry.
func bigImage(t *testing.T, h http.Handler, size int) (im Image, layer string) {
	t.Helper()
	l := &lab{Handler: h, counts: map[string]int{}, repos: map[string]bool{}}
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(b)
	l.image(t, "big/one", "1", nil, b)
	return Image{Source: srcHost + "/big/one:1", Target: dstHost + "/big/one:1"}, digest.FromBytes(b).String()
}

const mebibyte = 1 << 20

// over makes a client whose destination, and source, lie behind lines.
func over(t *testing.T, from, to *badLine) *Client {
	t.Helper()
	return newClient(
		t, Host{Name: srcHost, Address: from.address, TLS: transport.Disabled},
		Host{Name: dstHost, Address: to.address, TLS: transport.Disabled},
	)
}

// Whatever a registry does with an upload that broke, a blob many times larger than
// what a connection carries arrives, and little of it is sent twice.
func TestPushOverALineThatResets(t *testing.T) {
	const size, reset = 32 * mebibyte, 3 * mebibyte
	tests := map[string]struct {
		quirk func(*quirky)
		posts int     // uploads that are opened, one of them for the configuration
		most  float64 // bytes sent by the size
	}{
		"it goes on": {func(*quirky) {}, 2, 1.15},
		"it forgets": {func(q *quirky) { q.forgets = true }, 3, 1.2},
		"it has no status": {func(q *quirky) {
			q.tell = answer(isStatus, http.StatusBadRequest)
		}, 3, 1.2},
		"it answers the status with more than came": {func(q *quirky) {
			q.tell = func(w http.ResponseWriter, r *http.Request) bool {
				if !isStatus(r) {
					return false
				}
				w.Header().Set("Range", "0-99999999")
				w.WriteHeader(http.StatusNoContent)
				return true
			}
		}, 3, 1.2},
		"its status is always late": {func(q *quirky) {
			q.tell = func(w http.ResponseWriter, r *http.Request) bool {
				if !isStatus(r) {
					return false
				}
				w.Header().Set("Range", "0-99999")
				w.WriteHeader(http.StatusNoContent)
				return true
			}
		}, 3, 1.4},
		"its status is late once": {func(q *quirky) {
			var asked atomic.Int32
			q.tell = func(w http.ResponseWriter, r *http.Request) bool {
				if !isStatus(r) || asked.Add(1) > 1 {
					return false
				}
				w.Header().Set("Range", "0-99999")
				w.WriteHeader(http.StatusNoContent)
				return true
			}
		}, 2, 1.2},
		"it damages what came": {func(q *quirky) {
			inner, first := q.Handler, atomic.Bool{}
			q.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut && r.ContentLength > mebibyte && !first.Swap(true) {
					r.Body = io.NopCloser(&damaged{r.Body})
				}
				inner.ServeHTTP(w, r)
			})
		}, 3, 2.3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, dst := newQuirky(t), newQuirky(t)
			tt.quirk(dst)
			image, _ := bigImage(t, src.Handler, size)
			from, to := newBadLine(t, src, 0, 0), newBadLine(t, dst, reset, 0)
			c := over(t, from, to)
			if err := c.Execute(t.Context(), plan(t, c, []Image{image}), Options{}); err != nil {
				t.Fatal(err)
			}
			mirrored(t, c, []Image{image})
			sent, pulled := float64(to.sent.Load())/size, float64(from.received.Load())/size
			t.Logf("sent %.3f times, pulled %.3f times, %d resets, %v, broke in %v", sent, pulled, to.resets.Load(), dst.counts, dst.brokenIn)
			if sent > tt.most || sent < 1 {
				t.Errorf("sent %.3f times the size, want at most %.2f", sent, tt.most)
			}
			if pulled > 1.6 && tt.most < 2 {
				t.Errorf("pulled %.3f times the size", pulled)
			}
			if got := dst.counts["POST blobs/uploads"]; got != tt.posts && (got != tt.posts+1 || tt.most < 2) {
				t.Errorf("%d uploads were opened, want %d", got, tt.posts)
			}
		})
	}
}

func isStatus(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/uploads/")
}

func answer(which func(*http.Request) bool, status int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if which(r) {
			w.WriteHeader(status)
		}
		return which(r)
	}
}

type damaged struct{ io.Reader }

func (d *damaged) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p)
	if n > 0 {
		p[0] ^= 1
	}
	return n, err
}

// The way that a registry needs is found once: the second blob begins with it.
func TestWayIsFoundOnce(t *testing.T) {
	src, dst := newQuirky(t), newQuirky(t)
	dst.forgets = true
	image, _ := bigImage(t, src.Handler, 24*mebibyte)
	l := &lab{Handler: src.Handler, counts: map[string]int{}, repos: map[string]bool{}}
	l.image(t, "big/two", "1", nil, random(5, 20*mebibyte))
	second := Image{Source: srcHost + "/big/two:1", Target: dstHost + "/big/two:1"}
	from, to := newBadLine(t, src, 0, 0), newBadLine(t, dst, 6*mebibyte, 0)
	c := over(t, from, to)
	for i, im := range []Image{image, second} {
		if err := c.Execute(t.Context(), plan(t, c, []Image{im}), Options{}); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			dst.brokenIn = nil
			dst.counts = map[string]int{}
		}
	}
	if len(dst.brokenIn) > 0 || dst.counts["PATCH blobs/uploads"] < 4 || dst.counts["POST blobs/uploads"] != 2 || dst.counts["GET blobs/uploads"] != 0 {
		t.Errorf("the second blob: broke in %v, %v", dst.brokenIn, dst.counts)
	}
	mirrored(t, c, []Image{image, second})
}

// A registry whose last answer is lost is asked whether it has the blob.
func TestLastAnswerIsLost(t *testing.T) {
	for name, lose := range map[string]string{"of the whole": http.MethodPut, "of the rest": http.MethodPatch} {
		t.Run(name, func(t *testing.T) {
			src, dst := newQuirky(t), newQuirky(t)
			image, layer := bigImage(t, src.Handler, 4*mebibyte)
			var lost atomic.Bool
			dst.cut = func(r *http.Request) bool {
				big := r.ContentLength > mebibyte || r.URL.Query().Get("digest") == layer && lose == http.MethodPatch
				return strings.Contains(r.URL.Path, "/uploads/") && r.Method == http.MethodPut && big && !lost.Swap(true)
			}
			from, to := newBadLine(t, src, 0, 0), newBadLine(t, dst, 0, 0)
			if lose == http.MethodPatch {
				to.up.Store(2 * mebibyte)
				dst.cut = func(r *http.Request) bool {
					return r.Method == http.MethodPut && r.ContentLength == 0 && r.URL.Query().Get("digest") == layer && !lost.Swap(true)
				}
			}
			c := over(t, from, to)
			if err := c.Execute(t.Context(), plan(t, c, []Image{image}), Options{}); err != nil {
				t.Fatal(err)
			}
			if got := dst.counts["POST blobs/uploads"]; !lost.Load() || got != 2 {
				t.Errorf("lost %v; %d uploads were opened", lost.Load(), got)
			}
			mirrored(t, c, []Image{image})
		})
	}
}

// A push ends when it does not get on any more, and says why in words.
func TestPushGivesUp(t *testing.T) {
	tests := map[string]struct {
		quirk func(*quirky, *badLine)
		want  string
	}{
		"nothing passes": {
			func(q *quirky, _ *badLine) {
				q.forgets = true
				q.tell = func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPut || r.Method == http.MethodPatch {
						_, _ = io.CopyN(io.Discard, r.Body, 1000)
						panic(http.ErrAbortHandler)
					}
					return false
				}
			}, "connection ",
		},
		"it gets on, and then no more": {
			func(q *quirky, _ *badLine) {
				var patched atomic.Int32
				q.tell = func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPatch && patched.Add(1) > 2 {
						panic(http.ErrAbortHandler)
					}
					return false
				}
			}, " of 32.0 MiB had arrived",
		},
		"it takes no pieces": {
			func(q *quirky, _ *badLine) {
				q.forgets = true
				q.tell = answer(func(r *http.Request) bool { return r.Method == http.MethodPatch }, http.StatusMethodNotAllowed)
			}, "connection reset after ",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, dst := newQuirky(t), newQuirky(t)
			image, _ := bigImage(t, src.Handler, 32*mebibyte)
			from, to := newBadLine(t, src, 0, 0), newBadLine(t, dst, 3*mebibyte, 0)
			tt.quirk(dst, to)
			c := over(t, from, to)
			err := c.Execute(t.Context(), plan(t, c, []Image{image}), Options{})
			if err == nil || !fault.IsConnection(err) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "destination: blob sha256:") {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			t.Log(err)
			for _, bad := range []string{"EOF", "closed network connection", "_state", "uploads"} {
				if strings.Contains(err.Error(), bad) {
					t.Errorf("%q in %v", bad, err)
				}
			}
			if sent := to.sent.Load(); sent > 100*mebibyte {
				t.Errorf("%d bytes were sent in vain", sent)
			}
		})
	}
}

// A source that resets is read on from where it broke, also where the destination's
// line resets.
func TestBothLinesReset(t *testing.T) {
	const size = 48 * mebibyte
	src, dst := newQuirky(t), newQuirky(t)
	image, _ := bigImage(t, src.Handler, size)
	from, to := newBadLine(t, src, 0, 5*mebibyte), newBadLine(t, dst, 7*mebibyte, 0)
	c := over(t, from, to)
	if err := c.Execute(t.Context(), plan(t, c, []Image{image}), Options{}); err != nil {
		t.Fatal(err)
	}
	mirrored(t, c, []Image{image})
	t.Logf("sent %.3f, pulled %.3f", float64(to.sent.Load())/size, float64(from.received.Load())/size)
	if sent := to.sent.Load(); sent > size*11/10 {
		t.Errorf("%d bytes were sent", sent)
	}
}

// The reasons of a pull that fails are told in words.
func TestPullGivesUpInWords(t *testing.T) {
	src, dst := newQuirky(t), newQuirky(t)
	image, layer := bigImage(t, src.Handler, 8*mebibyte)
	src.tell = answer(func(r *http.Request) bool {
		return strings.HasSuffix(r.URL.Path, layer) && r.Header.Get("Range") > "bytes=4"
	}, http.StatusGone)
	from, to := newBadLine(t, src, 0, 2*mebibyte), newBadLine(t, dst, 0, 0)
	c := over(t, from, to)
	err := c.Execute(t.Context(), plan(t, c, []Image{image}), Options{})
	if err == nil || !strings.Contains(err.Error(), "source: blob sha256:") || !regexp.MustCompile(`: connection reset after .*; .* of 8\.0 MiB had come`).MatchString(err.Error()) {
		t.Fatalf("got %v", err)
	}
}
