package registry

import (
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/bayplan/bayplan/internal/transport"
)

// A frailListener gives connections that are reset after some bytes, in
// whichever direction those go.
type frailListener struct {
	net.Listener
	accepted atomic.Int64
}

func (l *frailListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	f := &frailConn{Conn: c}
	f.left.Store(20_000 + l.accepted.Add(1)*7919%90_000)
	return f, nil
}

type frailConn struct {
	net.Conn
	left atomic.Int64
}

func (c *frailConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.wear(n)
	return n, err
}

func (c *frailConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.wear(n)
	return n, err
}

func (c *frailConn) wear(n int) {
	if c.left.Add(-int64(n)) <= 0 {
		_ = c.Conn.(*net.TCPConn).SetLinger(0) // reset, not closed in good order
		_ = c.Conn.Close()
	}
}

// serveFrail serves a handler on such connections.
func serveFrail(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	ended := make(chan struct{})
	go func() {
		_ = s.Serve(&frailListener{Listener: l})
		close(ended)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-ended
	})
	return l.Addr().String()
}

// No connection of either side lives for more than some blobs, and 45 images
// arrive whole all the same.
func TestConnectionsThatBreak(t *testing.T) {
	src, dst := newLab(t), newLab(t)
	images, _ := src.set(t)
	hosts := []Host{
		{Name: srcHost, Address: serveFrail(t, src), TLS: transport.Disabled},
		{Name: dstHost, Address: serveFrail(t, dst), TLS: transport.Disabled},
	}
	for run := 1; ; run++ {
		c := newClient(t, hosts...)
		table, err := c.Plan(t.Context(), images, Selection{})
		if err != nil {
			t.Fatal(err)
		}
		if err = c.Execute(t.Context(), table, Options{}); err == nil {
			break
		}
		if run == 10 {
			t.Fatalf("not done after %d runs: %v", run, err)
		}
	}
	mirrored(t, newClient(t, hosts...), images)
}
