package pinned

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBuild(t *testing.T) {
	dir := t.TempDir()
	existing := filepath.Join(dir, "crane-v9", "crane")
	if err := os.MkdirAll(filepath.Dir(existing), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(existing, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	// Without the network, a program that is not there cannot be built.
	t.Setenv("GOPROXY", "off")
	for _, tt := range []struct {
		name, program, want, err string
	}{
		{"built before", "example.com/cmd/crane@v9", existing, ""},
		{"another version", "example.com/cmd/crane@v8", "", "build example.com/cmd/crane@v8: "},
		{"no version", "example.com/cmd/crane", "", "build example.com/cmd/crane: it has no version"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Build(t.Context(), dir, tt.program)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.HasPrefix(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
