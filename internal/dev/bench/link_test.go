package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLinkReserves(t *testing.T) {
	begin := time.Unix(1_000_000, 0)
	after := func(d time.Duration) time.Time { return begin.Add(d) }
	l := &link{rate: 1000, free: begin}
	steps := []struct {
		name string
		now  time.Time
		n    int
		want time.Time
	}{
		{"idle", after(0), 100, after(100 * time.Millisecond)},
		{"behind another", after(10 * time.Millisecond), 50, after(150 * time.Millisecond)},
		{"a timer that fired late", after(152 * time.Millisecond), 100, after(250 * time.Millisecond)},
		{"after a long pause", after(time.Second), 100, after(1100*time.Millisecond - timerSlack)},
	}
	for _, s := range steps {
		if got := l.reserve(s.now, s.n); !got.Equal(s.want) {
			t.Errorf("%s: through after %s, want %s", s.name, got.Sub(begin), s.want.Sub(begin))
		}
	}
}

// All connections share the rate, and the delay applies once.
func TestLinkSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, connections = 10 * chunkSize, 2
		l := &link{rate: 1 << 20, delay: 30 * time.Millisecond}
		begin := time.Now()
		got := make(chan []byte, connections)
		for range connections {
			go func() {
				var b bytes.Buffer
				l.copyDelayed(&b, strings.NewReader(strings.Repeat("x", size)))
				got <- b.Bytes()
			}()
		}
		for range connections {
			if b := <-got; len(b) != size {
				t.Errorf("%d bytes arrived, want %d", len(b), size)
			}
		}
		want := l.delay + time.Duration(connections*size)*time.Second/(1<<20)
		if took := time.Since(begin); took > want || took < want-timerSlack {
			t.Errorf("took %s, want %s", took, want)
		}
	})
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestLinkEndsWithItsClient(t *testing.T) {
	l := &link{rate: 1 << 30}
	endless, w := io.Pipe()
	go func() {
		for {
			if _, err := w.Write(make([]byte, chunkSize)); err != nil {
				return
			}
		}
	}()
	l.copyDelayed(brokenWriter{}, endless)
	_ = endless.Close()
}

func TestServeLinkPassesOn(t *testing.T) {
	target := echo(t)
	in, end := io.Pipe()
	said, out := io.Pipe()
	ended := make(chan error, 1)
	l := &link{target: target, rate: 1 << 30, delay: time.Millisecond}
	go func() { ended <- serveLink(t.Context(), l, in, out) }()
	line := make([]byte, 100)
	n, err := said.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimSpace(string(line[:n])))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	want := strings.Repeat("there and back ", 10_000)
	go func() {
		_, _ = io.WriteString(conn, want)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	if got, err := io.ReadAll(conn); err != nil || string(got) != want {
		t.Errorf("%d of %d bytes came back: %v", len(got), len(want), err)
	}
	_ = end.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// echo starts a server that sends back its input.
func echo(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(conn, conn)
			_ = conn.Close()
		}
	}()
	return ln.Addr().String()
}

func TestServeLinkRefusesNoLine(t *testing.T) {
	for _, l := range []*link{{}, {rate: -1}, {rate: 1, delay: -1}} {
		if err := serveLink(context.Background(), l, strings.NewReader(""), io.Discard); err == nil {
			t.Errorf("rate %v, delay %v: no error", l.rate, l.delay)
		}
	}
}
