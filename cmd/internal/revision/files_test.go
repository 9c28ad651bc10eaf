package revision

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What is not known to be the same is not taken for the same.
func TestSameContent(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	var errs []error
	for name, text := range map[string]string{"one": "1", "same": "1", "two": "2", "long": "12"} {
		errs = append(errs, os.WriteFile(at(name), []byte(text), 0o644))
	}
	for name, size := range map[string]int64{"large": MaxFile + 1, "as-large": MaxFile + 1, "larger": MaxFile + 2} {
		errs = append(errs, os.WriteFile(at(name), nil, 0o644), os.Truncate(at(name), size))
	}
	errs = append(errs, os.Mkdir(at("dir"), 0o755), os.Mkdir(at("other-dir"), 0o755), os.Symlink("loop", at("loop")), syscall.Mkfifo(at("pipe"), 0o644), syscall.Mkfifo(at("other-pipe"), 0o644))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		a, b string
		same bool
		err  string
	}{
		{"one", "same", true, ""},
		{"one", "two", false, ""},
		{"one", "long", false, ""},
		{"one", "none", false, ""},
		{"none", "one", false, ""},
		{"none", "no-other", true, ""},
		{"one", "dir", false, ""},
		{"one", "pipe", false, ""},
		{"dir", "other-dir", true, ""},
		{"large", "large", true, ""},
		{"large", "larger", false, ""},
		{"large", "as-large", false, "it has more than 64.0 MiB"},
		{"pipe", "other-pipe", false, "it is not a regular file"},
		{"one", "loop", false, "stat " + at("loop") + ": too many levels of symbolic links"},
		{"one", "one/x", false, "stat " + at("one/x") + ": not a directory"},
	} {
		same, err := SameContent(at(tt.a), at(tt.b))
		if got := fmt.Sprint(err); same != tt.same || got != tt.err && (err != nil || tt.err != "") {
			t.Errorf("%s and %s: %v, %v", tt.a, tt.b, same, err)
		}
	}
}
