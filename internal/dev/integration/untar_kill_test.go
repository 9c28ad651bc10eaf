//go:build integration

package integration

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// killFiles are the files of the archive. They are large enough for a kill to
// happen while they are written.
var killFiles = []struct {
	name string
	size int
}{{"overcloud-full.qcow2", 6 << 20}, {"deep/overcloud-full.initrd", 3 << 20}, {"overcloud-full.vmlinuz", 1 << 20}, {"README", 10}}

// TestKillUntar kills an apply during untar, 200 times at a random moment. Each
// file is then either the old or the new one. If both kinds exist, the journal
// exists as well, and the next apply finishes the change.
func TestKillUntar(t *testing.T) {
	const kills = 200
	rng := rand.New(rand.NewPCG(1, 2))
	packed := archives(t)
	whole := map[string]time.Duration{}
	for suffix, data := range packed {
		s := untarSite(t, suffix, data)
		begin := time.Now()
		s.mustRun(t, 0, []string{"apply"}, "1 changed")
		whole[suffix] = time.Since(begin)
	}
	suffixes := []string{"tar", "tar.gz", "tar.zst"}
	unfinished, mixed := 0, 0
	for i := range kills {
		suffix := suffixes[i%len(suffixes)]
		s := untarSite(t, suffix, packed[suffix])
		s.killAfter(t, time.Duration(rng.Int64N(int64(whole[suffix]*11/10))))
		placed := s.oldOrNew(t)
		left, err := filepath.Glob(s.path("images/.bayplan-part-*"))
		if err != nil {
			t.Fatal(err)
		}
		if len(left) > 0 {
			unfinished++
		}
		if placed > 0 && placed < len(killFiles) {
			mixed++
			if journals, err := filepath.Glob(s.path("images/.bayplan-part-*/journal")); err != nil || len(journals) == 0 {
				t.Errorf("kill %d: %d of %d files are new, but there is no journal in %q: %v", i, placed, len(killFiles), left, err)
			}
		}
		s.mustRun(t, 0, []string{"apply"})
		if got := s.oldOrNew(t); got != len(killFiles) {
			t.Errorf("kill %d: %d of %d files are new after the next apply", i, got, len(killFiles))
		}
		if left, err := filepath.Glob(s.path("images/.bayplan-part-*")); err != nil || len(left) > 0 {
			t.Errorf("kill %d: %q is left, %v", i, left, err)
		}
		if i%10 == 0 {
			s.mustRun(t, 0, []string{"apply"}, "0 changed, 1 unchanged, 0 failed")
		}
		if err := os.RemoveAll(s.dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills left unfinished files, %d some files old and some new", unfinished, mixed)
	if unfinished < kills/20 {
		t.Errorf("only %d of %d kills came while it unpacked", unfinished, kills)
	}
}

// archives returns the archive in each compression.
func archives(t *testing.T) map[string][]byte {
	t.Helper()
	var plain, gz, zst bytes.Buffer
	w := tar.NewWriter(&plain)
	for _, f := range killFiles {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(f.size)}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, newContent(f.size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(&gz)
	s, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []io.WriteCloser{z, s} {
		if _, err := c.Write(plain.Bytes()); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return map[string][]byte{"tar": plain.Bytes(), "tar.gz": gz.Bytes(), "tar.zst": zst.Bytes()}
}

func newContent(size int) string { return strings.Repeat("0123456789", size/10+1)[:size] }

const oldContent = "what was there before"

// untarSite makes a plan that unpacks an archive over old files.
func untarSite(t *testing.T, suffix string, data []byte) *site {
	t.Helper()
	s := newPlan(t, fmt.Sprintf("apiVersion: bayplan/v1\nname: kill\nsteps:\n  images: {type: untar, with: {archive: x.%s, into: images}}\n", suffix))
	s.write(t, "x."+suffix, string(data))
	if err := os.Mkdir(s.path("images"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.write(t, "images/overcloud-full.qcow2", oldContent)
	s.write(t, "images/README", oldContent)
	return s
}

// killAfter runs apply and sends SIGKILL after a while.
func (s *site) killAfter(t *testing.T, while time.Duration) {
	t.Helper()
	cmd := s.command(t, "apply")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-time.After(while):
		_ = cmd.Process.Kill() // fails if it has just ended
		<-ended
	case err := <-ended:
		if err != nil {
			t.Errorf("apply: %v", err)
		}
	}
}

// oldOrNew returns how many files are new. A file that is neither old nor new is
// an error.
func (s *site) oldOrNew(t *testing.T) int {
	t.Helper()
	placed := 0
	for _, f := range killFiles {
		got, err := os.ReadFile(s.path("images/" + f.name))
		switch {
		case err == nil && string(got) == newContent(f.size):
			placed++
		case err == nil && string(got) == oldContent, os.IsNotExist(err):
		default:
			t.Errorf("%s has %d bytes and is neither old nor new (%v)", f.name, len(got), err)
		}
	}
	return placed
}
