package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// A link is a slow network link to a server. The responses of all connections
// share its rate, and each byte arrives after the delay. Requests are not slowed
// down. The lock is needed because connections reserve time concurrently.
type link struct {
	target string
	rate   float64 // bytes per second
	delay  time.Duration

	mu   sync.Mutex
	free time.Time // when the link is free again
}

// timerSlack is how much lost time the link may recover. It loses time when a
// timer fires late.
const timerSlack = 5 * time.Millisecond

// reserve reserves the link for n bytes and returns when the last byte has
// entered it.
func (l *link) reserve(now time.Time, n int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if earliest := now.Add(-timerSlack); l.free.Before(earliest) {
		l.free = earliest
	}
	l.free = l.free.Add(time.Duration(float64(n) / l.rate * float64(time.Second)))
	return l.free
}

// serve forwards connections until ctx ends.
func (l *link) serve(ctx context.Context, ln net.Listener) error {
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
		wg.Go(func() { l.relay(ctx, conn) })
	}
}

// relay forwards one connection. A failure on either side closes both.
func (l *link) relay(ctx context.Context, client net.Conn) {
	defer client.Close()
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.target)
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

// A packet is data on the link, with the time of its arrival.
type packet struct {
	data []byte
	due  time.Time
}

// chunkSize is small enough for connections to share the link fairly.
const chunkSize = 32 << 10

// copyDelayed copies bytes from src to dst at the rate and with the delay of the
// link. A packet enters the channel when its last byte enters the link, so the
// channel never holds more than the link does.
func (l *link) copyDelayed(dst io.Writer, src io.Reader) {
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
			case onLink <- packet{buf[:n], through.Add(l.delay)}:
			case <-broken:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

var errLinkSettings = errors.New("a link needs a delay and a rate")
