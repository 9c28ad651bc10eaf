package download

import (
	"os"
	"path/filepath"
	"testing"
)

// A part that another user can have written is not gone on with.
func TestPlantedPart(t *testing.T) {
	ways := map[string]func(part string) error{
		"nothing is wrong":       func(string) error { return nil },
		"others may write to it": func(part string) error { return os.Chmod(part, 0o622) }, //nolint:gosec // that is the point
		"it has a second name":   func(part string) error { return os.Link(part, part+"2") },
	}
	if os.Geteuid() == 0 {
		ways["another user owns it"] = func(part string) error { return os.Chown(part, 65534, 65534) }
	}
	for name, plant := range ways {
		t.Run(name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "file")
			planted := partName(target, "http://a.test/file", Remote{})
			if err := os.WriteFile(planted, []byte("planted"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := plant(planted); err != nil {
				t.Fatal(err)
			}
			p, err := openPart(planted, Digests{})
			if err != nil {
				t.Fatal(err)
			}
			defer p.remove()
			if good := name == "nothing is wrong"; p.resumed != good || p.file.Name() == planted != good {
				t.Errorf("resumed %v, as %s", p.resumed, p.file.Name())
			}
			if got := len(Parts(target)); got == 0 {
				t.Error("the part would never be removed")
			}
		})
	}
}
