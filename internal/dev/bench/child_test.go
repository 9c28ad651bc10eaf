package main

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/dev/bench/line"
)

func TestServeLinePassesOn(t *testing.T) {
	target := echo(t)
	in, end := io.Pipe()
	said, out := io.Pipe()
	ended := make(chan error, 1)
	l := &line.Line{Target: target, Rate: 1 << 30, Delay: time.Millisecond}
	go func() { ended <- line.Run(t.Context(), l, in, out) }()
	address := make([]byte, 100)
	n, err := said.Read(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimSpace(string(address[:n])))
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

func TestServeLineRefusesNoLine(t *testing.T) {
	for _, l := range []*line.Line{{}, {Rate: -1}, {Rate: 1, Delay: -1}} {
		if err := line.Run(context.Background(), l, strings.NewReader(""), io.Discard); err == nil {
			t.Errorf("rate %v, delay %v: no error", l.Rate, l.Delay)
		}
	}
}
