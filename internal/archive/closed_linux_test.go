package archive

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Nothing in a stage is open when it is removed: some file systems keep a removed file
// that is open, and its directory cannot go then.
func TestNothingRemovedIsOpen(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	stop, seen := make(chan struct{}), make(chan string, 1)
	go func() {
		defer close(seen)
		for {
			links, _ := filepath.Glob("/proc/self/fd/*")
			for _, link := range links {
				to, _ := os.Readlink(link)
				if strings.HasPrefix(to, dir+"/stage/") && strings.HasSuffix(to, "(deleted)") {
					seen <- to
					return
				}
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	for range 100 {
		st, err := newStage(root, "stage")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.takeOver(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"1", "2", "3", "4", "5", "6"} {
			f, err := st.dir.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
		if err := st.remove(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	for name := range seen {
		t.Errorf("%s is open while its directory is removed", name)
	}
}
