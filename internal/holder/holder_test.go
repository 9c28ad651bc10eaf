package holder

import (
	"os"
	"path/filepath"
	"testing"
)

func TestHolderThatHasNotWrittenYet(t *testing.T) {
	dir := t.TempDir()
	for _, content := range []string{"", "{", `{"pid":`, "null"} {
		if err := os.WriteFile(filepath.Join(dir, FileName), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		err := &LockedError{Dir: "/d", Holder: Of(dir)}
		if got, want := err.Error(), "the state in /d is held by another run"; got != want {
			t.Errorf("content %q: error %q, want %q", content, got, want)
		}
	}
}

// The command line of a run is kept without the values of variables.
func TestCommandLine(t *testing.T) {
	for want, args := range map[string][]string{
		"bayplan apply -f a.yaml":           {"bayplan", "apply", "-f", "a.yaml"},
		"bayplan apply --var token=... -q":  {"bayplan", "apply", "--var", "token=secret", "-q"},
		"bayplan apply --var=token=... -q":  {"bayplan", "apply", "--var=token=secret=", "-q"},
		`bayplan apply -f "with space" ""`:  {"bayplan", "apply", "-f", "with space", ""},
		"bayplan apply --var-file vars.yml": {"bayplan", "apply", "--var-file", "vars.yml"},
	} {
		if got := commandLine(args); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
