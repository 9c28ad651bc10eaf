package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// A link is a slow line to a server: answers of all connections share its
// rate, and each byte comes delay later. What goes to the server is not slowed
// down. The lock is there because connections reserve their time side by side.
type link struct {
	target string
	rate   float64 // bytes per second
	delay  time.Duration

	mu   sync.Mutex
	free time.Time // when the line is free again
}

// slack is how far the line may make up for time that it was idle only
// because a timer fired late.
const slack = 5 * time.Millisecond

// reserve takes the line for n bytes and gives when the last of them is through.
func (l *link) reserve(now time.Time, n int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if earliest := now.Add(-slack); l.free.Before(earliest) {
		l.free = earliest
	}
	l.free = l.free.Add(time.Duration(float64(n) / l.rate * float64(time.Second)))
	return l.free
}

// serve passes connections on until ctx ends.
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
		wg.Go(func() { l.pass(ctx, conn) })
	}
}

// pass serves one connection. A failure on either side ends both.
func (l *link) pass(ctx context.Context, client net.Conn) {
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
	l.slow(client, server)
	_ = client.Close() // ends the other way
}

// A parcel is on the line until it is due.
type parcel struct {
	data []byte
	due  time.Time
}

// chunk is little enough for connections to share the line well.
const chunk = 32 << 10

// slow carries bytes from src to dst as the line does. The channel never holds
// more than is on the line, as parcels enter it when their last byte does.
func (l *link) slow(dst io.Writer, src io.Reader) {
	onLine := make(chan parcel, 4096)
	broken := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		defer close(broken)
		for p := range onLine {
			time.Sleep(time.Until(p.due))
			if _, err := dst.Write(p.data); err != nil {
				return
			}
		}
	})
	defer close(onLine)
	for {
		buf := make([]byte, chunk)
		n, err := src.Read(buf)
		if n > 0 {
			through := l.reserve(time.Now(), n)
			time.Sleep(time.Until(through))
			select {
			case onLine <- parcel{buf[:n], through.Add(l.delay)}:
			case <-broken:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

var errLine = errors.New("a line needs a delay and a rate")
