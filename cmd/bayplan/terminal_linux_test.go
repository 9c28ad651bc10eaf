package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hinshun/vt10x"
	"golang.org/x/sys/unix"
)

// openTerminal opens a pseudo-terminal of so many columns and rows.
func openTerminal(t *testing.T, columns, rows uint16) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows})
	}
	if err == nil {
		slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close(); slave.Close() })
	return master, slave
}

// onTerminal runs a command on a terminal and returns what it wrote and what the
// terminal shows in the end. seen gets what was written so far, whenever something is.
func onTerminal(t *testing.T, cmd *exec.Cmd, seen func([]byte)) (written, shown string) {
	t.Helper()
	master, slave := openTerminal(t, 80, 24)
	cmd.Stdout, cmd.Stderr = slave, slave
	cmd.Env = append(os.Environ(), "TERM=xterm", "LC_ALL=C.UTF-8", "NO_COLOR=")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close() // the command has it
	term := vt10x.New(vt10x.WithSize(80, 24))
	var all bytes.Buffer
	part := make([]byte, 4096)
	for {
		n, err := master.Read(part)
		all.Write(part[:n])
		if _, werr := term.Write(part[:n]); werr != nil {
			t.Error(werr)
		}
		if seen != nil {
			seen(all.Bytes())
		}
		if err != nil {
			if !errors.Is(err, syscall.EIO) && !errors.Is(err, io.EOF) { // how Linux tells that nobody has the terminal any more
				t.Error(err)
			}
			break
		}
	}
	var lines []string
	for line := range strings.SplitSeq(term.String(), "\n") {
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return all.String(), strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// slowQuickstart is the quick start behind a slow line.
func slowQuickstart(t *testing.T, bandwidth string) string {
	t.Helper()
	dir := quickstart(t)
	file := filepath.Join(dir, "bayplan.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("embedded: { images: rhosp13 }"), []byte("embedded: { images: rhosp13 }, bandwidth: "+bandwidth), 1)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The command itself on a terminal: it has rows while it runs, in colours, and nothing of
// them in the end.
func TestApplyOnATerminal(t *testing.T) {
	cmd := command(t, slowQuickstart(t, "1MiB"), "apply")
	written, shown := onTerminal(t, cmd, nil)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, shown)
	}
	for _, want := range []string{" of 8 done  waiting: ", "\x1b[32mchanged\x1b[0m"} {
		if !strings.Contains(written, want) {
			t.Errorf("there is no %q in what was written", want)
		}
	}
	lines := strings.Split(shown, "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "6 changed, 2 unchanged, 0 failed in ") {
		t.Errorf("it ends with %q", last)
	}
	for _, row := range []string{"━", "─", "waiting:", "checking"} {
		if strings.Contains(shown, row) {
			t.Errorf("a row is left:\n%s", shown)
		}
	}
	if !strings.Contains(shown, "containers: changed in ") || !strings.Contains(shown, "45 images created, 837.9 KiB moved") {
		t.Errorf("it does not say what a step did:\n%s", shown)
	}
}

// After a signal the summary follows the lines of the steps, without rows between them.
func TestInterruptOnATerminal(t *testing.T) {
	cmd := command(t, slowQuickstart(t, "10KiB"), "apply")
	stopped := false
	_, shown := onTerminal(t, cmd, func(written []byte) {
		if !stopped && bytes.Contains(written, []byte("checking what is there")) {
			stopped = true
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Error(err)
			}
		}
	})
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("it ends with %v", err)
	}
	lines := strings.Split(shown, "\n")
	if len(lines) < 4 || lines[len(lines)-1] != "bayplan: interrupted; the state is saved, and the next apply continues from it" ||
		!strings.Contains(lines[len(lines)-2], " interrupted in ") || !strings.HasPrefix(lines[len(lines)-3], "not begun: ") {
		t.Errorf("it shows\n%s", shown)
	}
	for _, row := range []string{"━", "─", "waiting:", "checking", "stopping"} {
		if strings.Contains(shown, row) {
			t.Errorf("a row is left:\n%s", shown)
		}
	}
}
