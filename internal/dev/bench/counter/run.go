package counter

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Run is a process with a Counter. It prints its address. For every line that it
// reads it prints the counts. It stops when the input ends.
func Run(ctx context.Context, target string, in io.Reader, out io.Writer) error {
	c := New(target)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: c, ReadHeaderTimeout: time.Minute}
	defer server.Close()
	go func() { _ = server.Serve(ln) }()
	fmt.Fprintln(out, ln.Addr())
	lines := bufio.NewScanner(in)
	for ctx.Err() == nil && lines.Scan() {
		if err := json.NewEncoder(out).Encode(c.Take()); err != nil {
			return err
		}
	}
	return nil
}
