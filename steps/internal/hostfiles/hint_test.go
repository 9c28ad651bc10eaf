package hostfiles

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
)

// An empty is a World without files.
type empty struct{ runner.World }

func (empty) Stat(string) (fs.FileInfo, error) { return nil, fs.ErrNotExist }

// A hint is a command that people copy, so a name in it is one word for a shell.
func TestHintIsQuoted(t *testing.T) {
	const dir = "/srv/boot; touch x #"
	hint := fault.Hint(checkBootDir(empty{}, dir))
	if !strings.HasSuffix(hint, " -o $USER '"+dir+"'") {
		t.Errorf("hint: %s", hint)
	}
}
