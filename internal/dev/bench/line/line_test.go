package line

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLineReserves(t *testing.T) {
	begin := time.Unix(1_000_000, 0)
	after := func(d time.Duration) time.Time { return begin.Add(d) }
	l := &Line{Rate: 1000, free: begin}
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
func TestLineSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, connections = 10 * chunkSize, 2
		l := &Line{Rate: 1 << 20, Delay: 30 * time.Millisecond}
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
		want := l.Delay + time.Duration(connections*size)*time.Second/(1<<20)
		if took := time.Since(begin); took > want || took < want-timerSlack {
			t.Errorf("took %s, want %s", took, want)
		}
	})
}

// What the connections of one listener send shares the rate.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, connections = 10*chunkSize + 1, 2
		ends := make(acceptor, connections)
		ln := (&Line{Rate: 1 << 20}).Limit(ends)
		begin := time.Now()
		got := make(chan int, connections)
		for range connections {
			server, client := net.Pipe()
			ends <- server
			conn, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				_, _ = conn.Write(make([]byte, size))
				_ = conn.Close()
			}()
			go func() {
				b, _ := io.ReadAll(client)
				got <- len(b)
			}()
		}
		for range connections {
			if n := <-got; n != size {
				t.Errorf("%d bytes arrived, want %d", n, size)
			}
		}
		want := time.Duration(connections*size) * time.Second / (1 << 20)
		if took := time.Since(begin); took > want || took < want-2*timerSlack {
			t.Errorf("took %s, want %s", took, want)
		}
	})
}

// An acceptor is a listener that accepts what it is given.
type acceptor chan net.Conn

func (a acceptor) Accept() (net.Conn, error) { return <-a, nil }
func (acceptor) Close() error                { return nil }
func (acceptor) Addr() net.Addr              { return nil }

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestLineEndsWithItsClient(t *testing.T) {
	l := &Line{Rate: 1 << 30}
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
