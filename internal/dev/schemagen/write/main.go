// Command write writes the JSON Schema of plan files to the given file.
// `make generate` runs it.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/dev/schemagen"
)

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "write the schema:", err)
		os.Exit(1)
	}
}

// write must run in the directory schemas, as in go generate.
func write(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want one file name, got %d", len(args))
	}
	root, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	text, err := schemagen.Generate(root)
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], text, 0o644)
}
