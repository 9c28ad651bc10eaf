package transport

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

// serveText serves connections, each with the text that answer gives for its
// number, and closes them.
func serveText(t *testing.T, answer func(n int) string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_ = req.Body.Close()
			}
			_, _ = conn.Write([]byte(answer(n)))
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

// An answer that is truncated anywhere in its header is a lost connection.
func TestClippedAnswer(t *testing.T) {
	const whole = "HTTP/1.1 201 Created\r\nDocker-Content-Digest: sha256:00\r\nContent-Length: 12\r\n\r\n"
	addr := serveText(t, func(n int) string { return whole[:n] })
	tr := newTransport(t, Endpoint{Host: "p.test", Address: addr, TLS: Disabled})
	for n := range len(whole) {
		_, err := get(t, tr, "http://p.test/")
		if !fault.IsConnection(err) || !strings.Contains(err.Error(), "the connection was cut before the answer was complete") {
			t.Errorf("cut after %q: %v", whole[:n], err)
		}
	}
}

// A server that does not speak HTTP is not worth a retry.
func TestNoHTTP(t *testing.T) {
	for _, answer := range []string{"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 abc\r\n", "HTTP/1.1 2000 OK\r\n", "\r\n", "220 smtp.example.com\r\n"} {
		t.Run(strings.TrimSpace(answer), func(t *testing.T) {
			addr := serveText(t, func(int) string { return answer })
			_, err := get(t, newTransport(t, Endpoint{Host: "p.test", Address: addr, TLS: Disabled}), "http://p.test/")
			if err == nil || fault.IsConnection(err) {
				t.Errorf("got %v, want an error that is not of the connection class", err)
			}
		})
	}
}
