package registries

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bayplan/bayplan/runner"
)

// Lists are looked at when they may have changed, and not at each request.
func TestListsChanged(t *testing.T) {
	list := filepath.Join(t.TempDir(), "list.txt")
	put := func(text string) {
		if err := os.WriteFile(list, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := &Plans{}
	p.pushed.use(use{fills: []runner.Place{{Where: runner.Where{Kind: runner.RegistryServer, Name: "site.example"}, Lists: []string{list}}}})
	want := func(name string) {
		t.Helper()
		if got := p.pushed.names("site.example").filled; len(got) != 1 || got[0] != name {
			t.Errorf("got %v, want %s", got, name)
		}
	}
	put("quay.io/a/one:1\n")
	want("a/one:1")
	put("quay.io/a/second:1\n")
	want("a/one:1")
	p.ListsChanged()
	want("a/second:1")
}
