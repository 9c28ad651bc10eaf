package document_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/dev/schemagen"
	"github.com/bayplan/bayplan/schemas"
)

var update = flag.Bool("update", false, "write the schemas")

func TestSchemasAreUpToDate(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"plan"}
	for name, forms := range document.Forms() {
		names = append(names, string(name))
		want, err := schemagen.Document(root, string(name), forms...)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(filepath.Join(root, "schemas", schemas.File(string(name))), want, 0o644); err != nil {
				t.Error(err)
			}
			continue
		}
		if got, err := schemas.Read(string(name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("schemas/%s does not match the sources (%v); run `make generate`", schemas.File(string(name)), err)
		}
	}
	if slices.Sort(names); !*update && !slices.Equal(schemas.Names(), names) {
		t.Errorf("there are schemas of %q, want %q", schemas.Names(), names)
	}
}
