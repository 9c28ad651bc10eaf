package yamlguard

import (
	"strings"
	"testing"
)

// The library quotes the file in its messages; ours name the mistake only.
func TestWordings(t *testing.T) {
	for _, w := range wordings {
		if ours, _ := wordSyntax(w.theirs + " \"hunter2\""); ours == unreadable || strings.Contains(ours, "hunter2") {
			t.Errorf("%q becomes %q", w.theirs, ours)
		}
	}
	if ours, _ := wordSyntax("unknown YAML version \"hunter2\""); ours != unreadable {
		t.Errorf("an unknown message becomes %q", ours)
	}
}
