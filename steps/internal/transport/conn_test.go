package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := &watchedConn{Conn: near, stall: time.Minute}
		start := time.Now()
		// The far side reads slowly, but it reads: no stall of the read that waits meanwhile.
		go func() {
			for range 3 {
				time.Sleep(50 * time.Second)
				_, _ = io.ReadFull(far, make([]byte, 1))
			}
		}()
		go func() {
			for range 3 {
				_, _ = c.Write([]byte("x"))
			}
		}()
		_, err := c.Read(make([]byte, 1))
		if got := time.Since(start); got < 150*time.Second || got > 165*time.Second {
			t.Errorf("stalled after %v, want a minute after the last write began", got)
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || !fault.IsConnection(err) {
			t.Errorf("got %v, want a timeout of the connection class", err)
		}
		_ = near.Close()
		_ = far.Close()
		synctest.Wait()
	})
}

func TestStallIsNotForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := &watchedConn{Conn: near, stall: time.Minute}
		if _, err := c.Write([]byte("x")); err == nil {
			t.Error("a write that nobody reads came back")
		}
		// What has passed in the meantime does not count against the next call.
		time.Sleep(time.Hour)
		go func() { _, _ = far.Write([]byte("y")) }()
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Errorf("reading after an hour of rest: %v", err)
		}
		_ = near.Close()
		_ = far.Close()
	})
}
