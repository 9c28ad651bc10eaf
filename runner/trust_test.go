package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

// An apply believes no state in which another user has files. It believes those of the
// user who called sudo and of the plan's owner.
func TestStateOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files to others")
	}
	const other = 54321
	tests := map[string]struct {
		given   string // to the other user
		sudo    string
		refused bool
	}{
		"nothing":                {},
		"the records":            {given: "state/" + snapshotName, refused: true},
		"the lock":               {given: "state/lock", refused: true},
		"the directory":          {given: "state", refused: true},
		"remembered digests":     {given: "state/cache/sums.json", refused: true},
		"the cache":              {given: "state/cache", refused: true},
		"a run":                  {given: "state/runs/x", refused: true},
		"the user called sudo":   {given: "state/lock", sudo: "54321"},
		"another one did":        {given: "state/lock", sudo: "54322", refused: true},
		"the plan is the user's": {given: "plan.yaml state/lock state/cache"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("SUDO_UID", tt.sudo)
			planFile, state := filepath.Join(dir, "plan.yaml"), filepath.Join(dir, "state")
			s, err := OpenStore(state, planFile)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{planFile, s.sumsFile(), filepath.Join(state, "runs", "x")} {
				if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, file := range strings.Fields(tt.given) {
				if err := os.Chown(filepath.Join(dir, file), other, other); err != nil {
					t.Fatal(err)
				}
			}
			s, err = OpenStore(state, planFile)
			if err == nil {
				_ = s.Close()
			}
			switch {
			case !tt.refused && err != nil:
				t.Errorf("got %v", err)
			case tt.refused && (err == nil || !strings.Contains(err.Error(), "another user, 54321, owns "+filepath.Join(dir, tt.given))):
				t.Errorf("got %v", err)
			case tt.refused && !strings.Contains(fault.Hint(err), "--state-dir"):
				t.Errorf("got hint %q", fault.Hint(err))
			}
		})
	}
}
