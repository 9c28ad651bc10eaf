package doctor

import (
	"strings"
	"testing"
)

// A line end in a name begins no line: a CI system could take it for a command.
func TestWriteNames(t *testing.T) {
	const name = "x\n::error::forged"
	r := &Report{Subjects: []Subject{{Name: name, Findings: []Finding{{Status: OK, Check: "c", Message: name, Hint: name}}}}}
	var b strings.Builder
	if err := r.Write(&b, false); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "\n::error") || strings.Count(b.String(), "forged") != 3 {
		t.Error(b.String())
	}
}
