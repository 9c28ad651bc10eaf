// Command write writes the archives of the quick start into a directory.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/sample"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: write DIRECTORY")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "write:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	for _, a := range sample.Archives() {
		b, err := a.Tar()
		if err != nil {
			return err
		}
		if err := durable.WriteBytes(filepath.Join(dir, a.Name), 0o644, b); err != nil {
			return err
		}
	}
	return nil
}
