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
	cut          atomic.Int64 // connections that did not end at the client's side first

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
		if len(d.alarms) > 0 {
			t.Errorf("%d things were to be done and did not become due", len(d.alarms))
		}
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
	var first sync.Once
	endsBy := func(side *net.TCPConn) {
		first.Do(func() {
			if side == server {
				d.cut.Add(1)
			}
		})
	}
	both.Go(func() { d.copy(server, client, &d.given, endsBy) })
	both.Go(func() { d.copy(client, server, &d.taken, endsBy) })
	both.Wait()
}

// copy passes on what comes from one side until it ends, and how it ends. It
// tells which of the two sides has ended it.
func (d *doorstep) copy(to, from *net.TCPConn, n *atomic.Int64, endsBy func(*net.TCPConn)) {
	buf := make([]byte, 32<<10)
	for {
		got, err := from.Read(buf)
		side := from
		if got > 0 {
			n.Add(int64(got))
			d.watch()
			if _, failed := to.Write(buf[:got]); failed != nil {
				side, err = to, failed
			}
		}
		if err == nil {
			continue
		}
		endsBy(side)
		if errors.Is(err, io.EOF) {
			_ = to.CloseWrite()
			return
		}
		_, _ = to.SetLinger(0), from.SetLinger(0) // reset both
		_, _ = to.Close(), from.Close()
		return
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
