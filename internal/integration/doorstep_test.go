//go:build integration

package integration

import (
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// A doorstep passes TCP connections on to a server and counts the bytes that
// its client takes and gives: what really arrives there, whatever happens
// behind it. What breaks behind it breaks before it in the same way.
type doorstep struct {
	url    string // the server's, by way of the doorstep
	target string

	taken, given atomic.Int64 // by the client

	mu     sync.Mutex
	ended  int         // connections
	alarms []*alarm    // what is still to be done
	acts   chan func() // done one after another, beside the connections
}

// An alarm does something when so many bytes have passed, or so many connections ended.
type alarm struct {
	bytes int64
	ended int
	act   func()
}

func newDoorstep(t *testing.T, server string) *doorstep {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &doorstep{url: "http://" + l.Addr().String(), target: u.Host, acts: make(chan func(), 64)}
	var conns, worker sync.WaitGroup
	worker.Go(func() {
		for act := range d.acts {
			act()
		}
	})
	conns.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { d.pass(client.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		conns.Wait()
		close(d.acts)
		worker.Wait()
	})
	return d
}

// pass serves one connection.
func (d *doorstep) pass(client *net.TCPConn) {
	defer client.Close()
	defer d.end()
	conn, err := net.Dial("tcp", d.target)
	if err != nil {
		_ = client.SetLinger(0)
		return
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	var both sync.WaitGroup
	both.Go(func() { d.copy(server, client, &d.given) })
	both.Go(func() { d.copy(client, server, &d.taken) })
	both.Wait()
}

// copy passes on what comes from one side until it ends, and how it ends.
func (d *doorstep) copy(to, from *net.TCPConn, n *atomic.Int64) {
	buf := make([]byte, 32<<10)
	for {
		got, err := from.Read(buf)
		if got > 0 {
			n.Add(int64(got))
			d.watch()
			if _, failed := to.Write(buf[:got]); failed != nil {
				err = failed
			}
		}
		if errors.Is(err, io.EOF) {
			_ = to.CloseWrite()
			return
		}
		if err != nil { // reset both
			_, _ = to.SetLinger(0), from.SetLinger(0)
			_, _ = to.Close(), from.Close()
			return
		}
	}
}

func (d *doorstep) end() {
	d.mu.Lock()
	d.ended++
	d.mu.Unlock()
	d.watch()
}

// watch does what has become due.
func (d *doorstep) watch() {
	d.mu.Lock()
	defer d.mu.Unlock()
	bytes := d.taken.Load() + d.given.Load()
	kept := d.alarms[:0]
	for _, a := range d.alarms {
		if bytes >= a.bytes && d.ended >= a.ended {
			d.acts <- a.act
		} else {
			kept = append(kept, a)
		}
	}
	d.alarms = kept
}

// after has something done when so many bytes have passed.
func (d *doorstep) after(bytes int64, act func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.alarms = append(d.alarms, &alarm{bytes: bytes, act: act})
}

// afterEnds has something done when so many more connections have ended.
func (d *doorstep) afterEnds(n int, act func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.alarms = append(d.alarms, &alarm{ended: d.ended + n, act: act})
}
