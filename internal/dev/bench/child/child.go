// Package child starts the helper processes of the benchmarks: proxies and registries.
package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/bayplan/bayplan/internal/dev/bench/counter"
)

// Proxies run in processes of their own (counter.Run, line.Run): the peak memory of a
// process also counts for the processes that it starts later.

// A Process is a process that prints a line when it is ready, and stops when its
// input ends.
type Process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// stopTimeout is how long a process may run after SIGTERM.
const stopTimeout = 10 * time.Second

// Start starts a process and returns the first line that it prints.
func Start(ctx context.Context, argv ...string) (*Process, string, error) {
	c := &Process{cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	c.cmd.Stderr = os.Stderr
	// SIGTERM, not SIGKILL: a script must stop the server that it has started.
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGTERM) }
	c.cmd.WaitDelay = stopTimeout
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
	line, err := c.readLine()
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("%s: %w", argv[0], err), c.Stop())
	}
	return c, line, nil
}

func (c *Process) readLine() (string, error) {
	line, err := c.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("it ended before it was ready: %w", err)
	}
	return line[:len(line)-1], nil
}

// TakeCounts asks a counter for its counts.
func (c *Process) TakeCounts() (counter.Counts, error) {
	var n counter.Counts
	if _, err := fmt.Fprintln(c.in); err != nil {
		return n, err
	}
	line, err := c.readLine()
	if err != nil {
		return n, err
	}
	return n, json.Unmarshal([]byte(line), &n)
}

// Stop ends the input of the process and waits for its exit.
func (c *Process) Stop() error {
	_ = c.in.Close()
	return c.cmd.Wait()
}
