package registry

import (
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"

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
