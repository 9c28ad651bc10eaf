package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/dev/checkedin"
	"github.com/bayplan/bayplan/runner"
)

// An apply of the quick start that is killed with SIGKILL at any point can be
// repeated: the final state is the same, nothing finished is done again, and
// nothing unfinished counts as done.
func TestKillAndGoOn(t *testing.T) {
	whole := quickstart(t)
	all := run(t, whole, "apply", "--json")
	want := finalState(t, whole)
	const points = 20
	for i := range points {
		at := 1 + i*(len(all)-1)/points
		t.Run(fmt.Sprintf("after event %d of %d", at, len(all)), func(t *testing.T) {
			t.Parallel()
			dir := quickstart(t)
			before := killAfter(t, dir, at)
			after := run(t, dir, "apply", "--json")
			if diff := cmp.Diff(want, finalState(t, dir)); diff != "" {
				t.Errorf("what is there in the end (-want +got):\n%s", diff)
			}
			for item := range finished(before) {
				if finished(after)[item] {
					t.Errorf("%s was finished before the kill and done again after it", item)
				}
			}
			if last := run(t, dir, "apply", "--json"); len(finished(last)) > 0 {
				t.Errorf("a third apply still changed %v", finished(last))
			}
		})
	}
}

// quickstart copies the example and returns the folder of the copy.
func quickstart(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := checkedin.Copy(filepath.Join("..", "..", "examples", "quickstart"), dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// command runs bayplan as a process of its own.
func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	return &exec.Cmd{Path: binary, Args: append([]string{"bayplan"}, args...), Dir: dir}
}

// run runs a command to its end and returns its events.
func run(t *testing.T, dir string, args ...string) []runner.Event {
	t.Helper()
	cmd := command(t, dir, args...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("bayplan %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return events(t, out.Bytes())
}

// killAfter kills an apply after n events and returns all events that it printed.
func killAfter(t *testing.T, dir string, n int) []runner.Event {
	t.Helper()
	cmd := command(t, dir, "apply", "--json")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for range n {
		if !lines.Scan() {
			break
		}
		output.Write(append(lines.Bytes(), '\n'))
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // events that were printed before the kill
		if json.Valid(lines.Bytes()) {
			output.Write(append(lines.Bytes(), '\n'))
		}
	}
	_ = cmd.Wait() // it was killed
	return events(t, output.Bytes())
}

func events(t *testing.T, lines []byte) []runner.Event {
	t.Helper()
	var list []runner.Event
	for line := range bytes.Lines(lines) {
		var e runner.Event
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		list = append(list, e)
	}
	return list
}

// finished returns the items that a run has reported as done.
func finished(list []runner.Event) map[string]bool {
	names := map[string]bool{}
	for _, e := range list {
		if e.Kind == runner.ItemDone {
			names[string(e.Item.What)+" "+e.Item.Name] = true
		}
	}
	return names
}

// finalState lists every file that a run has left, with its size. It leaves out
// what differs between runs: ids of images and the state of bayplan itself.
func finalState(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(rel, ".bayplan"):
			return nil
		case strings.HasPrefix(rel, filepath.Join("world", "glance")):
			if !strings.HasSuffix(rel, ".json") {
				return nil
			}
			list = append(list, imageIn(t, path))
			return nil
		}
		list = append(list, fmt.Sprintf("%s %d", rel, info.Size()))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list) // the ids of images differ, so their order does, too
	return list
}

// imageIn describes an image by what does not differ between runs.
func imageIn(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var image struct {
		Name, Status string
		Data         struct{ Checksum string }
	}
	if err := json.Unmarshal(text, &image); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("image %s %s %s", image.Name, image.Status, image.Data.Checksum)
}
