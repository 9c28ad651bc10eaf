package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// A watchedConn fails when no byte has moved in either direction for stall.
// What moves renews the time of a read or write that waits the other way.
type watchedConn struct {
	net.Conn
	stall time.Duration
	began time.Time
	// When the deadline was last set, after began. It is atomic because reading
	// and writing goroutines meet here at every piece.
	renewed atomic.Int64
}

func watched(c net.Conn, stall time.Duration) *watchedConn {
	w := &watchedConn{Conn: c, stall: stall, began: time.Now()}
	w.renewed.Store(int64(-stall))
	return w
}

// A stalledError says that a peer fell silent.
type stalledError struct {
	addr  net.Addr
	stall time.Duration
	cause error
}

func (e *stalledError) Error() string {
	return fmt.Sprintf("stalled: no byte to or from %s for %v", e.addr, e.stall)
}

func (e *stalledError) Unwrap() error    { return e.cause }
func (e *stalledError) Connection() bool { return true }

// Timeout makes a stalledError the timeout that net/http and others look for.
func (e *stalledError) Timeout() bool { return true }

func (c *watchedConn) Read(p []byte) (int, error) {
	return c.watch(c.Conn.Read, p)
}

// Write goes on when its time is over and some of p has moved in it.
func (c *watchedConn) Write(p []byte) (int, error) {
	for sent := 0; ; {
		n, err := c.watch(c.Conn.Write, p[sent:])
		sent += n
		if n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return sent, err
		}
	}
}

// pieceSize is how much of a body is read and sent at a time. Each piece costs
// system calls, whatever its size: from 32 KiB to this, all that mirroring takes
// of the processor falls by an eighth. As many pieces are held as bodies are
// being sent that do not fit into the buffer of their connection.
const pieceSize = 1 << 20

var pieces = sync.Pool{New: func() any { return new([pieceSize]byte) }}

// ReadFrom is what net/http sends a body with.
func (c *watchedConn) ReadFrom(r io.Reader) (int64, error) {
	piece := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(piece)
	return io.CopyBuffer(struct{ io.Writer }{c}, r, piece[:])
}

// watch moves bytes under the deadline. That is set anew only when a part of
// its time is over: setting it is as dear as moving a small piece.
func (c *watchedConn) watch(move func([]byte) (int, error), p []byte) (int, error) {
	part := c.stall / 16
	if now := time.Since(c.began); now-time.Duration(c.renewed.Load()) >= part {
		c.renewed.Store(int64(now))
		if err := c.SetDeadline(c.began.Add(now + part + c.stall)); err != nil {
			return 0, err
		}
	}
	n, err := move(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = &stalledError{addr: c.RemoteAddr(), stall: c.stall, cause: err}
	}
	return n, err
}

// A body is a response's body whose errors tell a cut connection from the rest.
type body struct {
	io.ReadCloser
	ctx context.Context // of the request that it answers
}

// Read gives io.ErrUnexpectedEOF itself when the connection was cut: clients
// that can ask for the rest compare with it.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	if ctxErr := b.ctx.Err(); ctxErr != nil {
		return n, ctxErr
	}
	if isNet(err) {
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// isNet says whether err came from the way to the peer.
func isNet(err error) bool {
	var op net.Error
	return errors.As(err, &op) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || fault.IsConnection(err) || clipped(err) ||
		// net/http does not export this one: a connection that was kept for
		// later was closed by the server just when it was wanted again.
		strings.Contains(err.Error(), "server closed idle connection")
}
