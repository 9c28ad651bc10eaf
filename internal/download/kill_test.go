package download

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// childEnv makes the test binary a process that does the download in its value,
// which is JSON.
const childEnv = "BAYPLAN_TEST_FETCH"

type childJob struct{ URL, To, SHA256 string }

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		if err := childFetch(text); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// childFetch waits for a line on its standard input after each received chunk, so
// that it can be killed at any of them.
func childFetch(text string) error {
	var job childJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		return err
	}
	in := bufio.NewReader(os.Stdin)
	c, err := New(nil)
	if err != nil {
		return err
	}
	_, err = c.Fetch(context.Background(), Download{
		Request: Request{URL: job.URL}, To: job.To, Mode: 0o644, Want: Digests{SHA256: job.SHA256},
		Moved: func(int64) {
			fmt.Println("now")
			in.ReadString('\n')
		},
	})
	return err
}

// A process that is killed at any moment leaves the old file, and the next one
// resumes: only bytes in flight are sent twice.
func TestLargeKilledAnywhere(t *testing.T) {
	body := randomBytes(4<<20, 8)
	var starts []int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			start, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-"), 10, 64)
			starts = append(starts, start)
		}
		serveFile(body, `"one"`)(w, r)
	}))
	defer server.Close()
	to := filepath.Join(t.TempDir(), "agent.initramfs")
	if err := os.WriteFile(to, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	job := childJob{server.URL + "/f", to, sumOfBytes(body)}
	kills := 0
	for kill(t, job) {
		if kills++; kills > 500 {
			t.Fatal("it never ends")
		}
		wantFile(t, to, []byte("old"))
		if parts := Parts(to); len(parts) != 1 {
			t.Fatalf("after %d kills the parts are %v", kills, parts)
		}
	}
	wantFile(t, to, body)
	if kills < 4 {
		t.Errorf("killed only %d times", kills)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(to), ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for i := 1; i < len(starts); i++ {
		if starts[i] <= starts[i-1] {
			t.Fatalf("the processes asked for the bytes from %v on", starts)
		}
	}
}

// kill runs a child and kills it at the second received chunk. It reports whether
// the child was still running.
func kill(t *testing.T, job childJob) bool {
	t.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
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
	defer cmd.Wait()
	lines, said := bufio.NewScanner(out), 0
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "error:") {
			t.Fatal(lines.Text())
		}
		if said++; said == 2 {
			return cmd.Process.Kill() == nil
		}
		fmt.Fprintln(in)
	}
	return false
}
