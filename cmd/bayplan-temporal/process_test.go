package main

import (
	"os"
	"os/exec"
	"testing"
)

// A process is a program that runs beside the test.
type process struct {
	*exec.Cmd
	out  *buffer
	done chan struct{}
}

// start starts the binary of the tests as another program. The test kills it.
func start(t testing.TB, as string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), out: newBuffer(), done: make(chan struct{})}
	p.Env = append(os.Environ(), asEnv+"="+as)
	p.Stdout, p.Stderr = p.out, p.out
	p.begin(t)
	return p
}

// begin starts the program, which the test kills.
func (p *process) begin(t testing.TB) {
	t.Helper()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.Wait() // the state says how it ended
	}()
	t.Cleanup(p.kill)
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	_ = p.Process.Kill() // it may have ended
	<-p.done
}

// until waits until something has happened, or the process has ended, which is a failure.
func (p *process) until(t testing.TB, happened <-chan struct{}) {
	t.Helper()
	select {
	case <-happened:
	case <-p.done:
		t.Fatalf("it has ended\n%s", p.out)
	}
}
