// Command write puts the JSON Schema of plan files into the file it is given.
// It is run by `make generate`.
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

// write expects to run in the schemas directory, as go generate does.
func write(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("one file name is wanted, %d given", len(args))
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
