package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := newWatchedConn(near, time.Minute)
		start := time.Now()
		// The peer reads slowly, but it reads: the waiting read does not stall.
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
		if got := time.Since(start); got < 210*time.Second || got > 215*time.Second {
			t.Errorf("stalled after %v, want a minute after the last write was done", got)
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
		c := newWatchedConn(near, time.Minute)
		if _, err := c.Write([]byte("x")); err == nil {
			t.Error("a write that nobody reads came back")
		}
		// Time between calls does not count for the next call.
		time.Sleep(time.Hour)
		go func() { _, _ = far.Write([]byte("y")) }()
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Errorf("reading after an hour of rest: %v", err)
		}
		_ = near.Close()
		_ = far.Close()
	})
}

func TestSlowIsNotStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := newWatchedConn(near, time.Minute)
		question := []byte("slow?")
		go func() {
			for range question {
				time.Sleep(50 * time.Second)
				_, _ = io.ReadFull(far, make([]byte, 1))
			}
			time.Sleep(50 * time.Second)
			_, _ = far.Write([]byte("!"))
		}()
		// net/http also starts to read before it writes.
		answered := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			answered <- err
		}()
		if n, err := c.Write(question); n != len(question) || err != nil {
			t.Errorf("%d bytes written, %v; want all", n, err)
		}
		if err := <-answered; err != nil {
			t.Errorf("waiting for the answer: %v", err)
		}
		_ = near.Close()
		_ = far.Close()
	})
}

func TestStallInTheMiddleOfAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := newWatchedConn(near, time.Minute)
		go func() {
			time.Sleep(50 * time.Second)
			_, _ = io.ReadFull(far, make([]byte, 3))
		}()
		start := time.Now()
		read := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			read <- err
		}()
		n, err := c.Write([]byte("never taken"))
		if n != 3 || !fault.IsConnection(err) {
			t.Errorf("%d bytes written, %v; want the 3 that were taken, and a stall then", n, err)
		}
		if got := time.Since(start); got < 110*time.Second || got > 125*time.Second {
			t.Errorf("stalled after %v, want about a minute after the last byte moved", got)
		}
		if err := <-read; !fault.IsConnection(err) {
			t.Errorf("the read that waited: %v, want a stall", err)
		}
		_ = near.Close()
		_ = far.Close()
	})
}

// A recordingConn counts what is asked of it.
type recordingConn struct {
	net.Conn
	got       bytes.Buffer
	writes    int
	deadlines []time.Time // for reads
	checks    int         // of writes
}

func (c *recordingConn) SetReadDeadline(t time.Time) error {
	c.deadlines = append(c.deadlines, t)
	return nil
}

func (c *recordingConn) SetWriteDeadline(time.Time) error {
	c.checks++
	return nil
}

func (c *recordingConn) Write(p []byte) (int, error) {
	c.writes++
	return c.got.Write(p)
}

func TestDeadlineIsRenewedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &recordingConn{}
		c := newWatchedConn(inner, time.Minute)
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			before := time.Now()
			if _, err := c.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if left := inner.deadlines[len(inner.deadlines)-1].Sub(before); left < time.Minute {
				t.Fatalf("%v left for the answer, want a minute", left)
			}
		}
		if n := len(inner.deadlines); n > 17 || inner.checks > 17 {
			t.Errorf("%d and %d deadlines in a minute", n, inner.checks)
		}
	})
}

func TestBodiesAreSentInLargePieces(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 3*copyBufferSize/16)
	inner := &recordingConn{}
	n, err := newWatchedConn(inner, time.Minute).ReadFrom(io.LimitReader(bytes.NewReader(body), int64(len(body))))
	if err != nil || n != int64(len(body)) || !bytes.Equal(inner.got.Bytes(), body) {
		t.Errorf("%d bytes sent, %d arrived: %v", n, inner.got.Len(), err)
	}
	if inner.writes != len(body)/copyBufferSize {
		t.Errorf("%d writes, want %d", inner.writes, len(body)/copyBufferSize)
	}
	broken := errors.New("broken")
	n, err = newWatchedConn(inner, time.Minute).ReadFrom(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)))
	if n != 3 || !errors.Is(err, broken) {
		t.Errorf("%d bytes, %v; want 3 and the reader's error", n, err)
	}
}
