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

// A watchedConn fails when no byte has moved for the time stall. For a read that
// waits during a write, the time starts when the write ends: the read waits for
// the answer.
type watchedConn struct {
	net.Conn
	stall time.Duration
	began time.Time
	// When the deadlines were last set, as time since began. They are atomic
	// because reading and writing goroutines use them for every chunk.
	reads, writes atomic.Int64
	writing       atomic.Bool
	lost          atomic.Pointer[lostError] // the first error of the network
}

func newWatchedConn(c net.Conn, stall time.Duration) *watchedConn {
	w := &watchedConn{Conn: c, stall: stall, began: time.Now()}
	w.reads.Store(int64(-stall))
	w.writes.Store(int64(-stall))
	return w
}

// A stalledError is the error of a peer that sends and takes no more bytes.
type stalledError struct {
	addr  net.Addr
	stall time.Duration
	cause error
}

func (e *stalledError) Error() string {
	if e.addr == nil {
		return fmt.Sprintf("stalled: no byte for %v", e.stall)
	}
	return fmt.Sprintf("stalled: no byte to or from %s for %v", e.addr, e.stall)
}

func (e *stalledError) Unwrap() error    { return e.cause }
func (e *stalledError) Connection() bool { return true }

// Timeout makes net/http and others treat a stalledError as a timeout.
func (e *stalledError) Timeout() bool { return true }

func (c *watchedConn) Read(p []byte) (int, error) {
	for {
		if err := c.extend(&c.reads, c.stall, c.SetReadDeadline); err != nil {
			return 0, err
		}
		n, err := c.Conn.Read(p)
		if !errors.Is(err, os.ErrDeadlineExceeded) || !c.writing.Load() {
			return n, c.explain(err)
		}
	}
}

// Write uses short deadlines, to see how much of p has moved.
func (c *watchedConn) Write(p []byte) (int, error) {
	c.writing.Store(true)
	defer func() {
		_ = c.extend(&c.reads, c.stall, c.SetReadDeadline) // a closed connection also fails the read
		c.writing.Store(false)
	}()
	moved := time.Now()
	for sent := 0; ; {
		if err := c.extend(&c.writes, c.tick(), c.SetWriteDeadline); err != nil {
			return sent, err
		}
		n, err := c.Conn.Write(p[sent:])
		sent += n
		if n > 0 {
			moved = time.Now()
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(moved) >= c.stall {
			return sent, c.explain(err)
		}
	}
}

// tick is the precision of the deadlines.
func (c *watchedConn) tick() time.Duration { return c.stall / 16 }

// extend sets a deadline that is at least left away. It skips calls within one
// tick of the last: setting a deadline costs as much as moving a small chunk.
func (c *watchedConn) extend(last *atomic.Int64, left time.Duration, set func(time.Time) error) error {
	now := time.Since(c.began)
	if now-time.Duration(last.Load()) < c.tick() {
		return nil
	}
	last.Store(int64(now))
	return set(c.began.Add(now + c.tick() + left))
}

// explain gives the first error of the network in place of one that follows from it:
// net/http closes a connection when reading fails, and then writing fails because the
// connection is closed.
func (c *watchedConn) explain(err error) error {
	if err == nil {
		return nil
	}
	if lost := c.lost.Load(); lost != nil && errors.Is(err, net.ErrClosed) {
		return lost
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = &stalledError{addr: c.RemoteAddr(), stall: c.stall, cause: err}
	}
	if !errors.Is(err, net.ErrClosed) {
		c.lost.CompareAndSwap(nil, &lostError{err})
	}
	return err
}

// copyBufferSize is how much of a body is read and sent at a time. Each chunk
// costs system calls, whatever its size: compared with 32 KiB, this size saves an
// eighth of all processor time of a mirror. There is one buffer for each body
// that is being sent and does not fit into the buffer of its connection. There may
// be very many small bodies, so they share smaller buffers.
const (
	copyBufferSize      = 1 << 20
	smallCopyBufferSize = 64 << 10
)

var (
	copyBuffers      = sync.Pool{New: func() any { return new(make([]byte, copyBufferSize)) }}
	smallCopyBuffers = sync.Pool{New: func() any { return new(make([]byte, smallCopyBufferSize)) }}
)

// ReadFrom sends a body; net/http calls it.
func (c *watchedConn) ReadFrom(r io.Reader) (int64, error) {
	pool := &copyBuffers
	if l, ok := r.(*io.LimitedReader); ok && l.N <= smallCopyBufferSize {
		pool = &smallCopyBuffers
	}
	buf := pool.Get().(*[]byte)
	defer pool.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{c}, r, *buf)
}

// A networkBody is the body of a response. Its errors distinguish a lost
// connection from other causes.
type networkBody struct {
	io.ReadCloser
	ctx context.Context // of the request
}

// Read returns a lostError when the connection was lost.
func (b *networkBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	if ctxErr := b.ctx.Err(); ctxErr != nil {
		return n, ctxErr
	}
	if isNetworkError(err) {
		return n, &lostError{err}
	}
	if text := protocolText(err); text != "" {
		return n, &described{text, err}
	}
	return n, err
}

// isNetworkError reports whether err comes from the network, not from the peer.
func isNetworkError(err error) bool {
	var op net.Error
	return errors.As(err, &op) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || fault.IsConnection(err) || headerTruncated(err) ||
		strings.Contains(err.Error(), serverClosedIdle)
}
