package transport

import (
	"context"
	"io"
	"sync/atomic"
	"time"
)

// Idle is how long the body of an answer may deliver no byte before the
// connection is closed. It is shorter than Stall: a server that is slow to begin
// may be working, but one that stops in the middle is not.
const Idle = 30 * time.Second

// An idleBody ends its request when a single Read waits too long. Time between
// reads does not count.
type idleBody struct {
	io.ReadCloser
	cancel  context.CancelFunc
	timer   *time.Timer
	expired atomic.Bool
}

func newIdleBody(rd io.ReadCloser, cancel context.CancelFunc) *idleBody {
	b := &idleBody{ReadCloser: rd, cancel: cancel}
	b.timer = time.AfterFunc(Idle, func() {
		b.expired.Store(true)
		cancel()
	})
	b.timer.Stop()
	return b
}

// Read returns io.ErrUnexpectedEOF when the peer sends no more bytes, as for a
// lost connection.
func (b *idleBody) Read(p []byte) (int, error) {
	b.timer.Reset(Idle)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err != nil && b.expired.Load() {
		err = &stalledError{stall: Idle, cause: io.ErrUnexpectedEOF}
	}
	return n, err
}

func (b *idleBody) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel()
	return err
}
