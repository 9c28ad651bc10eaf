package reference

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/internal/markdown"
)

func TestBlocks(t *testing.T) {
	got := blocks("With --x, writes:\n  a   one\n    b two\nand more\nwords.\n\n  only code")
	want := "With `--x`, writes:\n\n```text\na   one\n  b two\n```\n\nand more words.\n\n```text\nonly code\n```"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Every link of the pages to another one, and to a heading, leads there.
func TestLinks(t *testing.T) {
	pages, err := Pages(Input{App: &cli.App{Description: "x\n\nExit codes:"}})
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for name, text := range pages {
		anchors[name] = true
		for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
			at := name + "#" + markdown.Anchor(m[1])
			if anchors[at] {
				t.Errorf("%s has two headings %s", name, m[1])
			}
			anchors[at] = true
		}
	}
	links := 0
	for name, text := range pages {
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
			to, fragment, has := strings.Cut(m[1], "#")
			if strings.Contains(to, "://") {
				continue
			}
			at := name
			if to != "" {
				at = path.Join(path.Dir(name), to)
			}
			if strings.HasPrefix(at, "../") {
				continue // out of the reference: the links of all documents are checked elsewhere
			}
			if has {
				at += "#" + fragment
			}
			links++
			if !anchors[at] {
				t.Errorf("%s: the link %s leads nowhere", name, m[1])
			}
		}
	}
	if links < 300 {
		t.Errorf("found only %d links", links)
	}
}

// Every field of every document is described.
func TestFieldsAreDescribed(t *testing.T) {
	list, err := readSchemas()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		for name, def := range s.Definitions {
			if def.Properties == nil {
				continue
			}
			for p := def.Properties.Oldest(); p != nil; p = p.Next() {
				if p.Value.Description == "" {
					t.Errorf("%s: %s.%s has no description: write one behind the field in Go", s.name, name, p.Key)
				}
			}
		}
	}
}
