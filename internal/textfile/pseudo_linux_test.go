package textfile

import (
	"strings"
	"testing"
)

// The size of a file that the kernel makes says nothing, and /proc/kmsg never ends.
func TestKernelFiles(t *testing.T) {
	for _, path := range []string{"/proc/self/environ", "/proc/version"} {
		for what, open := range map[string]func() error{
			"OpenRegular": func() error { _, err := OpenRegular(path); return err },
			"Open":        func() error { _, err := Open(t.Context(), path); return err },
		} {
			if err := open(); err == nil || !strings.HasSuffix(err.Error(), ": is made by the kernel, not a regular file") {
				t.Errorf("%s %s: %v", what, path, err)
			}
		}
	}
}
