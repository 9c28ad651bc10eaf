// Package line is a slow network line to a server: a proxy that delays what the server
// sends, and passes on only so much of it in a second.
package line

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// A Line is a slow network line to a server. The responses of all connections
// share its rate, and each byte arrives after the delay. Requests are not slowed
// down. The lock is needed because connections reserve time concurrently.
type Line struct {
	Target string  // host:port of the server
	Rate   float64 // bytes per second
	Delay  time.Duration

	mu   sync.Mutex
	free time.Time // when the line is free again
}

// timerSlack is how much lost time the line may recover. It loses time when a
// timer fires late.
const timerSlack = 5 * time.Millisecond

// reserve reserves the line for n bytes and returns when the last byte has
// entered it.
func (l *Line) reserve(now time.Time, n int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if earliest := now.Add(-timerSlack); l.free.Before(earliest) {
		l.free = earliest
	}
	l.free = l.free.Add(time.Duration(float64(n) / l.Rate * float64(time.Second)))
	return l.free
}

// Limit returns a listener like ln. All that its connections send passes the line together, as if
// the line were before the server. It adds no delay.
func (l *Line) Limit(ln net.Listener) net.Listener { return limited{ln, l} }

type limited struct {
	net.Listener
	line *Line
}

// Accept implements net.Listener.
func (l limited) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return limitedConn{conn, l.line}, nil
}

type limitedConn struct {
	net.Conn
	line *Line
}

// Write implements net.Conn.
func (c limitedConn) Write(p []byte) (int, error) {
	for done := 0; ; {
		part := p[done:min(done+chunkSize, len(p))]
		time.Sleep(time.Until(c.line.reserve(time.Now(), len(part))))
		n, err := c.Conn.Write(part)
		if done += n; err != nil || done == len(p) {
			return done, err
		}
	}
}

// Serve forwards connections until ctx ends. A Rate of 0 or less and a Delay of less than
// 0 are errors.
func (l *Line) Serve(ctx context.Context, ln net.Listener) error {
	if l.Rate <= 0 || l.Delay < 0 {
		return errSettings
	}
	return serve(ctx, ln, func(conn net.Conn) { l.relay(ctx, conn) })
}

// serve calls relay for each connection until ctx ends.
func serve(ctx context.Context, ln net.Listener, relay func(net.Conn)) error {
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		wg.Go(func() { relay(conn) })
	}
}

// relay forwards one connection. A failure on either side closes both.
func (l *Line) relay(ctx context.Context, client net.Conn) {
	defer client.Close()
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Target)
	if err != nil {
		return
	}
	defer server.Close()
	stop := context.AfterFunc(ctx, func() { _, _ = client.Close(), server.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite()
	})
	l.copyDelayed(client, server)
	_ = client.Close() // ends the other direction
}

// A packet is data on the line, with the time of its arrival.
type packet struct {
	data []byte
	due  time.Time
}

// chunkSize is small enough for connections to share the line fairly.
const chunkSize = 32 << 10

// copyDelayed copies bytes from src to dst at the rate and with the delay of the
// line. A packet enters the channel when its last byte enters the line, so the
// channel never holds more than the line does.
func (l *Line) copyDelayed(dst io.Writer, src io.Reader) {
	onLink := make(chan packet, 4096)
	broken := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		defer close(broken)
		for p := range onLink {
			time.Sleep(time.Until(p.due))
			if _, err := dst.Write(p.data); err != nil {
				return
			}
		}
	})
	defer close(onLink)
	for {
		buf := make([]byte, chunkSize)
		n, err := src.Read(buf)
		if n > 0 {
			through := l.reserve(time.Now(), n)
			time.Sleep(time.Until(through))
			select {
			case onLink <- packet{buf[:n], through.Add(l.Delay)}:
			case <-broken:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

var errSettings = errors.New("a line needs a rate, and a delay of at least 0")
