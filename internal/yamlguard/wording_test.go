package yamlguard

import (
	"strings"
	"testing"
)

// The library's messages quote the file; ours name only the mistake.
func TestWordings(t *testing.T) {
	for _, w := range wordings {
		if ours, _ := translateMessage(w.theirs + " \"hunter2\""); ours == unreadable || strings.Contains(ours, "hunter2") {
			t.Errorf("%q becomes %q", w.theirs, ours)
		}
	}
	if ours, _ := translateMessage("unknown YAML version \"hunter2\""); ours != unreadable {
		t.Errorf("an unknown message becomes %q", ours)
	}
}
