package docs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		name, want, got string
		match           bool
	}{
		{"the same", "a\nb\n", "a\nb\n", true},
		{"another line", "a\n", "b\n", false},
		{"a line more", "a\n", "a\nb\n", false},
		{"times differ", "done in 0.1s\n", "done in 12.3s\n", true},
		{"any lines", "a\n...\nd\n", "a\nb\nc\nd\n", true},
		{"no lines", "a\n...\nd\n", "a\nd\n", true},
		{"any text in a line", "version ..., static\n", "version 1, static\n", true},
		{"not in the next line", "version ..., static\n", "version\n1, static\n", false},
		{"what is not a pattern", "a.b (c)\n", "axb (c)\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := matches(tt.want, tt.got); got != tt.match {
				t.Errorf("matches gives %v", got)
			}
		})
	}
}

func TestBlocks(t *testing.T) {
	text := "# A page\n\nWrite `site/plan.yaml`:\n\n```yaml\na: b\n```\n\n```console\n$ one \\\n    --two\nout\n$ three\n```\n\n<!-- run by TestX in x_test.go -->\n\n```console\n$ four\n```\n"
	p := page{name: "page.md", lines: strings.Split(text, "\n")}
	blocks := p.blocks(t)
	if len(blocks) != 3 || blocks[0].file != "site/plan.yaml" || blocks[1].file != "" || blocks[2].elsewhere != "TestX in x_test.go" {
		t.Fatalf("the blocks are %+v", blocks)
	}
	want := []transcript{{command: "one \\\n    --two", output: "out\n", from: 11, to: 12}, {command: "three", from: 13, to: 13}}
	if diff := cmp.Diff(want, blocks[1].transcripts(), cmp.AllowUnexported(transcript{})); diff != "" {
		t.Errorf("transcripts (-want +got):\n%s", diff)
	}
	for _, line := range p.prose(t) {
		if strings.Contains(line, "a: b") || strings.Contains(line, "three") {
			t.Errorf("prose has %q", line)
		}
	}
}
