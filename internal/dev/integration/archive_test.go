//go:build integration

package integration

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
)

// changeArchive changes the last byte of one file of a tar archive.
func changeArchive(t *testing.T, file, name string) {
	t.Helper()
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var changed bytes.Buffer
	in, out := tar.NewReader(bytes.NewReader(old)), tar.NewWriter(&changed)
	found := false
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("read %s: %v", file, err)
		}
		body, err := io.ReadAll(in)
		if err != nil {
			t.Fatalf("read %s of %s: %v", header.Name, file, err)
		}
		if header.Name == name {
			found = true
			body[len(body)-1] ^= 0xff
		}
		if err := out.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if !found {
		t.Fatalf("%s has no %s", file, name)
	}
	if err := os.WriteFile(file, changed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
