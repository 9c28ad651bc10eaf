package review

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/runner"
)

var update = flag.Bool("update", false, "write the golden files")

// What others say stays text, whatever it is.
func TestMarkdown(t *testing.T) {
	hostile := "</code></summary><img src=x onerror=alert(1)> [a](http://evil.example) @all #1 `x` ``y`` | ~~z~~ $1$\n# big\r\u202e\x1b[2J ![i](x) &amp; https://evil.example"
	plain, bad := sample(), sample()
	plain.Steps[0].Moved = []runner.Moved{{Name: "up/a:1", From: "sha256:0123456789abcdef", To: "sha256:f123456789abcdef", Labels: []runner.LabelChange{{Label: "release", From: "40", To: "43"}}}, {Name: "up/b:1", From: "sha256:0123456789abcdef"}}
	plain.Steps[0].Notes = []string{"a note"}
	plain.Steps = append(plain.Steps,
		document.Step{ID: "list", Type: "prepare", Status: runner.ToChange, Summary: "1 file", Items: []runner.Item{{
			Op: runner.Update, What: runner.RegularFile, Name: "/site/list.yaml", From: "sha256:00112233445566", To: "sha256:10112233445566",
			Note: "2 images", Old: "a: 1\nb: 2\n", New: "a: 1\nb: 3\n",
		}}},
		document.Step{ID: "old", Type: "mirror", Status: runner.ToChange, Summary: "1 tag to remove", Items: []runner.Item{{
			Op: runner.Remove, What: runner.Tag, Name: "local/c:1", From: "sha256:c0", Note: "sha256:c0",
		}}},
		document.Step{ID: "late", Type: "verify-catalog", Status: runner.CheckAfter, Why: "check, after images"},
		document.Step{ID: "broken", Type: "mirror", Status: runner.Failed, Error: "two\nlines", Hint: "do something"},
	)
	bad.Plan, bad.Summary = "--> <script>", "**bold** <b>"
	bad.Steps = []document.Step{{
		ID: "x", Type: "<b>", Status: runner.Failed, Summary: hostile, Error: hostile + "\n```\nout", Hint: "```",
		Items: []runner.Item{
			{Op: "<b>", What: "[x](y)", Name: hostile, Source: hostile, Note: hostile, From: hostile, To: "`", Old: "```\n</details>\n", New: "````\n# out\n"},
		},
		Notes: []string{hostile}, Moved: []runner.Moved{{Name: hostile, From: hostile, Labels: []runner.LabelChange{{Label: hostile, To: hostile}}}},
	}}
	for name, d := range map[string]document.Diff{"plain": plain, "hostile": bad} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".md")
			got := Markdown(d, "/site", CommentLimit)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A comment never gets longer than its limit, tells what it leaves out, and what it opens it
// closes.
func TestMarkdownIsCut(t *testing.T) {
	d := sample()
	for i := range 300 {
		s := document.Step{ID: fmt.Sprint("s", i), Type: "mirror", Status: runner.ToChange, Summary: "much", Notes: []string{"a note"}}
		for j := range 40 {
			s.Items = append(s.Items, runner.Item{
				Op: runner.Create, What: runner.RegularFile, Name: fmt.Sprintf("/x/%d/ü/%d", i, j), New: strings.Repeat("line `x`\n", j),
			})
		}
		d.Steps = append(d.Steps, s)
	}
	d.Steps = append(d.Steps, document.Step{ID: "last", Type: "mirror", Status: runner.ToChange, Items: []runner.Item{{Op: runner.Remove, What: runner.Tag, Name: "removed"}}})
	for _, limit := range []int{LeastLimit, 3000, 10_000, CommentLimit, 1_000_000} {
		got := Markdown(d, "", limit)
		if len(got) > limit {
			t.Errorf("limit %d: %d bytes", limit, len(got))
		}
		if limit < 1_000_000 && !strings.Contains(got, "**Cut:**") {
			t.Errorf("limit %d: it does not tell that it is cut", limit)
		}
		if strings.Count(got, "<details") != strings.Count(got, "</details>") || strings.Count(got, "```")%2 != 0 {
			t.Errorf("limit %d: something stays open", limit)
		}
		if !strings.Contains(got, "`removed`") {
			t.Errorf("limit %d: the removal is cut", limit)
		}
	}
}
