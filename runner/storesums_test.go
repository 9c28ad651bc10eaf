package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/hostdisk"
)

// write makes a file with its directory.
func write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

func digest(t *testing.T, algo Algo, content string) string {
	t.Helper()
	sums, err := hostdisk.Hash(t.Context(), strings.NewReader(content), []Algo{algo})
	must(t, err)
	return sums[algo]
}

// remembered reports whether the next Sum of a file would come from memory.
func remembered(s *Store, path string) bool {
	_, ok := s.Disk().Recall(path, SHA256)
	return ok
}

// A store keeps the digests for the next run, in applies only.
func TestStoreKeepsSums(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	file := filepath.Join(t.TempDir(), "f")
	write(t, file, "hello")
	// Nothing but time can make a ctime old enough to be trusted.
	for fi, err := os.Stat(file); Identify(fi).Key() == ""; fi, err = os.Stat(file) {
		must(t, err)
		<-time.After(time.Millisecond)
	}
	sum := func(s *Store) {
		t.Helper()
		_, err := s.Disk().Sum(t.Context(), file, SHA256)
		must(t, err)
		must(t, s.Close())
	}
	must(t, openStore(t, dir).Close())
	sum(readStore(t, dir))
	if s := readStore(t, dir); remembered(s, file) {
		t.Error("a reader wrote")
	}
	sum(openStore(t, dir))
	if s := readStore(t, dir); !remembered(s, file) {
		t.Error("not kept")
	}
}
