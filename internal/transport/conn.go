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

// A watchedConn fails when no byte has moved for stall. A read that waits while
// something is written has its time from when that is done: what it waits for
// is the answer.
type watchedConn struct {
	net.Conn
	stall time.Duration
	began time.Time
	// When the deadlines were last set, after began. All is atomic because
	// reading and writing goroutines meet here at every piece.
	reads, writes atomic.Int64
	writing       atomic.Bool
}

func watched(c net.Conn, stall time.Duration) *watchedConn {
	w := &watchedConn{Conn: c, stall: stall, began: time.Now()}
	w.reads.Store(int64(-stall))
	w.writes.Store(int64(-stall))
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
	for {
		if err := c.renew(&c.reads, c.stall, c.SetReadDeadline); err != nil {
			return 0, err
		}
		n, err := c.Conn.Read(p)
		if !errors.Is(err, os.ErrDeadlineExceeded) || !c.writing.Load() {
			return n, c.stalled(err)
		}
	}
}

// Write stops now and then to see how much of p has moved.
func (c *watchedConn) Write(p []byte) (int, error) {
	c.writing.Store(true)
	defer func() {
		_ = c.renew(&c.reads, c.stall, c.SetReadDeadline) // a connection that is closed tells it to who reads
		c.writing.Store(false)
	}()
	moved := time.Now()
	for sent := 0; ; {
		if err := c.renew(&c.writes, c.part(), c.SetWriteDeadline); err != nil {
			return sent, err
		}
		n, err := c.Conn.Write(p[sent:])
		sent += n
		if n > 0 {
			moved = time.Now()
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(moved) >= c.stall {
			return sent, c.stalled(err)
		}
	}
}

// part is how exactly time is kept.
func (c *watchedConn) part() time.Duration { return c.stall / 16 }

// renew sets a deadline, never to less time than left. It does so only when a
// part has passed since the last time: it is as dear as moving a small piece.
func (c *watchedConn) renew(last *atomic.Int64, left time.Duration, set func(time.Time) error) error {
	now := time.Since(c.began)
	if now-time.Duration(last.Load()) < c.part() {
		return nil
	}
	last.Store(int64(now))
	return set(c.began.Add(now + c.part() + left))
}

func (c *watchedConn) stalled(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &stalledError{addr: c.RemoteAddr(), stall: c.stall, cause: err}
	}
	return err
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
