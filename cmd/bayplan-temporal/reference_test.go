package main

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/cmd/internal/reference"
)

var update = flag.Bool("update", false, "write the page of the reference")

// The page of the reference says what the code says.
func TestReferenceIsUpToDate(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "reference", reference.SitesPage)
	want := reference.Sites(newProgram(io.Discard, io.Discard, nil).app(), about)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if diff := cmp.Diff(string(got), want); err != nil || diff != "" {
		t.Errorf("docs/reference/%s is not up to date (%v); run `make generate` (-page +code):\n%s", reference.SitesPage, err, diff)
	}
}
