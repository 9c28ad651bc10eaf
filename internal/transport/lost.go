package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
)

// A lostError is the error of a connection that was lost. It is
// io.ErrUnexpectedEOF too, for the clients that go on after that.
type lostError struct{ cause error }

// Error says in words how the connection was lost.
func (e *lostError) Error() string {
	return strings.Replace("the "+Reason(e.cause), "connection ", "connection was ", 1)
}

// Unwrap gives io.ErrUnexpectedEOF and the cause.
func (e *lostError) Unwrap() []error { return []error{io.ErrUnexpectedEOF, e.cause} }

// Reason says in words how a connection was lost: "connection reset". It gives ""
// for other errors.
func Reason(err error) string {
	var stalled *stalledError
	var op *net.OpError
	var text interface{ Timeout() bool }
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return ""
	case errors.As(err, &stalled):
		return "connection stalled"
	case errors.As(err, &op) && op.Op == "dial":
		return "no connection"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return "connection reset"
	case errors.As(err, &text) && text.Timeout():
		return "connection stalled"
	case errors.Is(err, net.ErrClosed), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), headerTruncated(err),
		strings.Contains(err.Error(), serverClosedIdle):
		return "connection cut"
	}
	return ""
}

// serverClosedIdle is the text of an error that net/http does not export: the server
// closed an idle connection just when the client used it again.
const serverClosedIdle = "server closed idle connection"
