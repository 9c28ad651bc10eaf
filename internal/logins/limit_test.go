package logins

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The output of a helper is kept up to a limit.
func TestHelperWithoutEnd(t *testing.T) {
	tests := map[string]struct{ script, want string }{
		"its answer":                {"head -c 3000000 /dev/zero", "it gives more than 1024 KiB"},
		"its errors":                {"head -c 3000000 /dev/zero >&2; exit 1", "exit status 1"},
		"not found, before a flood": {"echo credentials not found; head -c 3000000 /dev/zero; exit 1", notFoundText},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "docker-credential-x"), []byte("#!/bin/sh\n"+tt.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			out, err := runHelper(t.Context(), "x", "r.test", os.Environ())
			if err == nil || !strings.Contains(err.Error(), tt.want) || len(bytes.TrimSpace(out)) > maxHelper {
				t.Errorf("%d bytes, %v", len(out), err)
			}
		})
	}
}
