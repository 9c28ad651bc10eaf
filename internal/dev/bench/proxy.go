package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Proxies run in processes of their own: what a process has used of memory
// before it starts another one counts for the other one, too.

// serveCounter runs a counter. It prints its address, then what it has counted
// for every line that it reads, and ends with the input.
func serveCounter(ctx context.Context, target string, in io.Reader, out io.Writer) error {
	c := newCounter(target)
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
		if err := json.NewEncoder(out).Encode(c.take()); err != nil {
			return err
		}
	}
	return nil
}

// serveLink runs a link. It prints its address and ends with the input.
func serveLink(ctx context.Context, l *link, in io.Reader, out io.Writer) error {
	if l.rate <= 0 || l.delay < 0 {
		return errLine
	}
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
	return l.serve(ctx, ln)
}

// A child is a process that says something when it is ready, and ends when its
// input does.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// grace is how long a child has to end when it is told to.
const grace = 10 * time.Second

// start starts a child and gives the first line that it says.
func start(ctx context.Context, argv ...string) (*child, string, error) {
	c := &child{cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	c.cmd.Stderr = os.Stderr
	// Killed at once, a script could not end the server that it has started.
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGTERM) }
	c.cmd.WaitDelay = grace
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, "", err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		return nil, "", err
	}
	line, err := c.line()
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("%s: %w", argv[0], err), c.stop())
	}
	return c, line, nil
}

func (c *child) line() (string, error) {
	line, err := c.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("it ended before it was ready: %w", err)
	}
	return line[:len(line)-1], nil
}

// take asks a counter for what it has counted.
func (c *child) take() (counts, error) {
	var n counts
	if _, err := fmt.Fprintln(c.in); err != nil {
		return n, err
	}
	line, err := c.line()
	if err != nil {
		return n, err
	}
	return n, json.Unmarshal([]byte(line), &n)
}

// stop ends a child and waits for it.
func (c *child) stop() error {
	_ = c.in.Close()
	return c.cmd.Wait()
}
