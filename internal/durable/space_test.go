package durable_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bayplan/bayplan/internal/durable"
)

func TestFreeSpace(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "")
	tests := []struct {
		name, path string
		known      bool
	}{
		{"a directory", dir, true},
		{"not there yet", filepath.Join(dir, "a", "b"), true},
		{"below a file", filepath.Join(dir, "file", "a"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if free, known := durable.FreeSpace(tt.path); known != tt.known || known && free <= 0 {
				t.Errorf("free = %d, known %v", free, known)
			}
		})
	}
}

func TestFreeSpaceOf(t *testing.T) {
	d, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if free, known := durable.FreeSpaceOf(d); !known || free <= 0 {
		t.Errorf("free = %d, known %v", free, known)
	}
	d.Close()
	if _, known := durable.FreeSpaceOf(d); known {
		t.Error("what a closed directory has free is known")
	}
}
