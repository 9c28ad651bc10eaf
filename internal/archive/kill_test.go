package archive_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/archive"
)

// childEnv makes the test binary a process that unpacks: "ARCHIVE:DEST".
const childEnv = "BAYPLAN_TEST_EXTRACT"

func TestMain(m *testing.M) {
	if args := os.Getenv(childEnv); args != "" {
		from, dest, _ := strings.Cut(args, ":")
		if err := childExtract(from, dest); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if from := os.Getenv(listEnv); from != "" {
		if err := childList(from); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// childExtract unpacks and waits for a line on its standard input after each
// event, so that it can be killed at any of them.
func childExtract(from, dest string) error {
	in := bufio.NewReader(os.Stdin)
	wait := func() {
		fmt.Println("now")
		in.ReadString('\n')
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	root, err := os.OpenRoot(dest)
	if err != nil {
		return err
	}
	defer root.Close()
	_, err = archive.Extract(context.Background(), f, root, archive.Extraction{
		Source: from,
		Key:    "key",
		Moved:  func(int64) { wait() },
		Done:   func(archive.Entry, bool) { wait() },
	})
	return err
}

// A killed process leaves each file old or new. If it leaves some old and some
// new, it also leaves everything that is needed to finish: the next run does so
// without reading the archive. After that run no leftovers remain.
func TestLargeKilledAnywhere(t *testing.T) {
	base := t.TempDir()
	from := filepath.Join(base, "x.tar")
	body := func(c string) string { return strings.Repeat(c, 1_200_000) } // some writes each
	writeFile(t, from, string(tarball(file("a", body("1")), file("d/b", body("2")), file("e", "3"), dir("f"))))
	fresh := map[string]string{"a": body("1"), "d/b": body("2"), "e": "3"}
	old := map[string]string{"a": body("x"), "d/b": "old"}

	killed := 0
	for ended := false; !ended; killed++ {
		dest := filepath.Join(base, fmt.Sprint("dest", killed))
		for name, content := range old {
			writeFile(t, filepath.Join(dest, name), content)
		}
		ended = runAndKill(t, from, dest, killed)
		placed := 0
		for name, content := range fresh {
			if got, err := os.ReadFile(filepath.Join(dest, name)); err == nil && string(got) == content {
				placed++
			}
			got, err := os.ReadFile(filepath.Join(dest, name))
			if was, ok := old[name]; string(got) != content && string(got) != was || err != nil && ok {
				t.Fatalf("killed at %d: %s has %d bytes, neither old nor new (%v)", killed, name, len(got), err)
			}
		}
		wrote := int64(0)
		x := archive.Extraction{Source: from, Key: "key", Moved: func(n int64) { wrote += n }}
		for range 2 { // once to repair, once to find nothing to do
			if _, err := extract(t, dest, []byte(readFile(t, from)), x); err != nil {
				t.Fatalf("killed at %d: %v", killed, err)
			}
			if mixed := placed > 0 && placed < len(fresh); mixed && wrote > 0 {
				t.Errorf("killed at %d: %d of %d files were new, and %d bytes were written again", killed, placed, len(fresh), wrote)
			}
			x.Moved = nil
		}
		if diff := cmp.Diff(keys(fresh, "d", "f"), keys(contents(t, dest))); diff != "" {
			t.Fatalf("killed at %d: names after the next run (-want +got):\n%s", killed, diff)
		}
		for name, content := range fresh {
			if readFile(t, filepath.Join(dest, name)) != content {
				t.Fatalf("killed at %d: %s is not new after the next run", killed, name)
			}
		}
		if err := os.RemoveAll(dest); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("killed at %d places", killed)
	if killed < 20 {
		t.Errorf("killed at %d places only", killed)
	}
}

// runAndKill lets the child go on n times and then kills it. It reports whether
// the child had ended before.
func runAndKill(t *testing.T, from, dest string, n int) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+from+":"+dest)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		if lines.Text() != "now" {
			t.Fatal(lines.Text())
		}
		if i == n {
			cmd.Process.Kill()
			cmd.Wait()
			return false
		}
		io.WriteString(in, "\n")
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return true
}

// contents lists everything below a directory.
func contents(t *testing.T, dest string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name := range snapshot(t, dest) {
		if name != "." {
			all[name] = ""
		}
	}
	return all
}

func keys(m map[string]string, more ...string) map[string]bool {
	set := map[string]bool{}
	for k := range maps.Keys(m) {
		set[k] = true
	}
	for _, k := range more {
		set[k] = true
	}
	return set
}
