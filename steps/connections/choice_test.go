package connections

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A choice is found again however its registry is spelled, also in a lock file that has
// another spelling, and is written once.
func TestChoicesOfOneRegistry(t *testing.T) {
	const rule = "newest 1.*"
	none := func(context.Context) (string, error) { return "", errors.New("it chooses anew") }
	for name, tt := range map[string]struct {
		file      string // what the lock file has
		spellings []string
		other     string // another repository
	}{
		"a new file":           {"", []string{"r.example/a", "R.EXAMPLE/a", "r.example:443/a", "r.example./a"}, "r.example:444/a"},
		"an old spelling":      {"R.example:443/a newest 1.*", []string{"r.example/a", "R.EXAMPLE:443/a"}, "r.example/b"},
		"Docker Hub":           {"", []string{"docker.io/library/a", "docker.io/a", "index.docker.io/library/a"}, "docker.io/other/a"},
		"Docker Hub's website": {"registry.hub.docker.com/library/a newest 1.*", []string{"docker.io/a", "registry-1.docker.io/library/a"}, "quay.io/library/a"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "lock.yaml")
			if tt.file != "" {
				text := "choices:\n  \"" + tt.file + "\": \"1.2\"\n"
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			lock, err := ReadTagLock(file)
			if err != nil {
				t.Fatal(err)
			}
			out, err := connect(t, "    a: { host: r.example }\n")
			if err != nil {
				t.Fatal(err)
			}
			out.UseTagLock(lock)
			if tt.file == "" {
				first := func(context.Context) (string, error) { return "1.2", nil }
				if tag, err := out.Chosen(t.Context(), tt.spellings[0], rule, first); tag != "1.2" || err != nil {
					t.Fatalf("got %q, %v", tag, err)
				}
			}
			for _, repository := range tt.spellings {
				if tag, err := out.Chosen(t.Context(), repository, rule, none); tag != "1.2" || err != nil {
					t.Errorf("%s: got %q, %v", repository, tag, err)
				}
			}
			for _, is := range [][2]string{{tt.other, rule}, {tt.spellings[0], "newest 2.*"}} {
				if tag, err := out.Chosen(t.Context(), is[0], is[1], none); err == nil {
					t.Errorf("%s of %s: got %q", is[1], is[0], tag)
				}
			}
			lock.Prune()
			if err := lock.Save(); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), "newest"); n != 1 || tt.file != "" && !strings.Contains(string(text), tt.file) {
				t.Errorf("the file is\n%s", text)
			}
		})
	}
}
