// Command write writes the disk images of the examples into their directory.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/dev/sample"
	"github.com/bayplan/bayplan/internal/durable"
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
	files, err := sample.Examples()
	if err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if _, err := durable.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := durable.WriteBytes(path, 0o644, f.Content); err != nil {
			return err
		}
	}
	return nil
}
