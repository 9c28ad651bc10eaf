package line

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/bayplan/bayplan/internal/dev/bench/counter"
)

// Run is a process with a line. It prints its address and stops when the input ends.
func Run(ctx context.Context, l *Line, in io.Reader, out io.Writer) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, ln.Addr())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	return l.Serve(ctx, ln)
}

// RunResetting is a process with a line that resets. Its arguments are the server and the
// bytes that a connection sends and receives. It prints its address, and the bytes for
// every line that it reads. It stops when the input ends.
func RunResetting(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	sent, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	received, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return err
	}
	l := &Resetting{Target: args[0], Sent: sent, Received: received}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, ln.Addr())
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- l.Serve(ctx, ln) }()
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if err := json.NewEncoder(out).Encode(counter.Counts{BlobsIn: l.AllSent.Load(), BlobsOut: l.AllReceived.Load()}); err != nil {
			break
		}
	}
	cancel()
	return <-served
}
