package connections

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/tagselect"
)

// What is locked for a selection is found however its registry is spelled, in the plan and in
// the lock file, and has the names that the plan gives.
func TestSelectionsOfOneRegistry(t *testing.T) {
	for name, tt := range map[string]struct {
		locked, from string
		images       []string // as the lock file has them
		want         []string
	}{
		"as it is":            {"r.example/a", "r.example/a", []string{"r.example/a:1"}, []string{"r.example/a:1"}},
		"upper case":          {"R.example/a", "r.example/a", []string{"R.example/a:1"}, []string{"r.example/a:1"}},
		"in the plan":         {"r.example/a", "R.EXAMPLE./a", []string{"r.example/a:1"}, []string{"R.EXAMPLE./a:1"}},
		"the port":            {"r.example:443/a", "r.example/a", []string{"r.example:443/a:1", "r.example:443/a:2"}, []string{"r.example/a:1", "r.example/a:2"}},
		"Docker Hub":          {"registry.hub.docker.com/library/a", "docker.io/a", []string{"registry.hub.docker.com/library/a:1"}, []string{"docker.io/a:1"}},
		"a pattern":           {"R.example:443/a/*", "r.example/a/*", []string{"R.example:443/a/b:1", "R.example:443/a/c:2"}, []string{"r.example/a/b:1", "r.example/a/c:2"}},
		"a pattern, and more": {"index.docker.io/a/*", "docker.io/a/*", []string{"index.docker.io/a/b:1"}, []string{"docker.io/a/b:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "lock.yaml")
			text := "selections:\n  \"" + tt.locked + " tags newest 2\":\n"
			for _, image := range tt.images {
				text += "    - " + image + "\n"
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			lock, err := ReadTagLock(file)
			if err != nil {
				t.Fatal(err)
			}
			lock.Strict = true // nothing is listed
			out, err := connect(t, "    a: { host: r.example }\n")
			if err != nil {
				t.Fatal(err)
			}
			out.UseTagLock(lock)
			got, err := out.Selected(t.Context(), tagselect.Selection{From: tt.from, Rule: tagselect.Rule{Newest: 2}, AtLeast: 1})
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			lock.Prune()
			if changes := lock.Changes(); len(changes) > 0 {
				t.Errorf("the file changes: %v", changes)
			}
			if _, err := out.Selected(t.Context(), tagselect.Selection{From: tt.from, Rule: tagselect.Rule{Newest: 3}}); err == nil {
				t.Error("another rule is the same selection")
			}
		})
	}
}
