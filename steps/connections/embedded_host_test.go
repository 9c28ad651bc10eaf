package connections

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/runner/steptest"
)

func TestTagOf(t *testing.T) {
	dir := t.TempDir()
	steptest.PutFile(t, dir+"/f", "x")
	root := http.Dir(dir)
	for name, tagged := range map[string]bool{"/f": true, "/": false, "/gone": false, "/../f": true} {
		got := tagOf(root, name)
		if tagged != (strings.HasPrefix(got, `"`) && strings.HasSuffix(got, `-1"`)) {
			t.Errorf("%s: tag %s", name, got)
		}
	}
}
