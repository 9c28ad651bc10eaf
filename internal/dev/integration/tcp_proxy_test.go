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

// A tcpProxy forwards TCP connections to a server and counts the bytes that its
// client receives and sends, whatever happens behind it. It passes the failures
// of the server on to the client.
type tcpProxy struct {
	url    string // URL of the server through the proxy
	target string

	received, sent atomic.Int64 // bytes, seen from the client
	cut            atomic.Int64 // connections that the client did not end first

	resetSent, resetReceived int64        // bytes after which each connection is reset, 0: never
	resets                   atomic.Int64 // connections that were

	mu     sync.Mutex
	ended  int         // number of ended connections
	alarms []*alarm    // alarms that have not fired yet
	acts   chan func() // acts that run one at a time, beside the connections
}

// An alarm calls act when enough bytes have passed and connections have ended.
type alarm struct {
	bytes int64
	ended int
	act   func()
}

func newTCPProxy(t *testing.T, server string) *tcpProxy {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &tcpProxy{url: "http://" + l.Addr().String(), target: u.Host, acts: make(chan func(), 64)}
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
			conns.Go(func() { d.relay(client.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		conns.Wait()
		close(d.acts)
		worker.Wait()
		if len(d.alarms) > 0 {
			t.Errorf("%d alarms did not fire", len(d.alarms))
		}
	})
	return d
}

// relay forwards one connection.
func (d *tcpProxy) relay(client *net.TCPConn) {
	defer client.Close()
	defer d.end()
	conn, err := net.Dial("tcp", d.target)
	if err != nil {
		_ = client.SetLinger(0)
		return
	}
	server := conn.(*net.TCPConn)
	if d.resetSent+d.resetReceived > 0 {
		// What waits in the proxy when it resets was counted, but did not pass.
		_, _ = client.SetWriteBuffer(64<<10), server.SetWriteBuffer(64<<10)
	}
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
	both.Go(func() { d.copy(server, limitedConn{client, d.resetSent}, &d.sent, endsBy) })
	both.Go(func() { d.copy(client, limitedConn{server, d.resetReceived}, &d.received, endsBy) })
	both.Wait()
}

// A limitedConn is reset after some bytes, 0: never.
type limitedConn struct {
	*net.TCPConn
	bytes int64
}

var errReset = errors.New("the connection has carried all that it carries")

// copy forwards the data of one side to its end, and ends the other side in the
// same way. It reports to endsBy which side has ended.
func (d *tcpProxy) copy(to *net.TCPConn, limited limitedConn, n *atomic.Int64, endsBy func(*net.TCPConn)) {
	buf := make([]byte, 32<<10)
	from, passed := limited.TCPConn, int64(0)
	for {
		got, err := from.Read(buf)
		side := from
		passed += int64(got)
		if limited.bytes > 0 && passed >= limited.bytes {
			d.resets.Add(1)
			err = errReset
		}
		if got > 0 {
			n.Add(int64(got))
			d.fireAlarms()
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

func (d *tcpProxy) end() {
	d.mu.Lock()
	d.ended++
	d.mu.Unlock()
	d.fireAlarms()
}

// fireAlarms fires the alarms that are due.
func (d *tcpProxy) fireAlarms() {
	d.mu.Lock()
	defer d.mu.Unlock()
	bytes := d.received.Load() + d.sent.Load()
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

// afterBytes calls act after the given number of bytes has passed.
func (d *tcpProxy) afterBytes(bytes int64, act func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.alarms = append(d.alarms, &alarm{bytes: bytes, act: act})
}

// afterEnds calls act after n more connections have ended.
func (d *tcpProxy) afterEnds(n int, act func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.alarms = append(d.alarms, &alarm{ended: d.ended + n, act: act})
}
