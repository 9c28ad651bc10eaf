package reference

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/explain"
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
	pages, err := Pages(Input{App: &cli.App{}})
	if err != nil {
		t.Fatal(err)
	}
	pages[SitesPage] = Sites(&cli.App{}, "")
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

// Each topic has its section, with the whole text: also a topic of which these pages know nothing.
func TestTopicsArePublished(t *testing.T) {
	const text = "One sentence.\n\nAnother one."
	got := planLanguage([]explain.Section{{Topic: "new", Title: "Something new", Text: text}, {Topic: "plan", Title: "The file", Intro: "Keys", Text: text}}, nil)
	for _, want := range []string{"- [Something new](#something-new)", "## Something new\n\n" + text, "## The file\n\nKeys.\n\n" + text} {
		if !strings.Contains(got.text, want) {
			t.Errorf("the page lacks %q:\n%s", want, got.text)
		}
	}
}

// The page that is common to all documents leaves their schemas as they are.
func TestDocumentsChangeNoSchema(t *testing.T) {
	list, err := readSchemas()
	if err != nil {
		t.Fatal(err)
	}
	common, err := documents(list)
	if err != nil || strings.Contains(common.text, code(list[0].name)+" |") {
		t.Errorf("the common page names one document, %v", err)
	}
	field, _ := list[0].Definitions["Failure"].Properties.Get("document")
	if field.Const != list[0].name {
		t.Errorf("the document of a failure is %v, want %s", field.Const, list[0].name)
	}
	delete(list[0].Definitions, "Holder")
	if _, err := documents(list); err == nil || !strings.Contains(err.Error(), "Holder") {
		t.Errorf("a definition is missing: %v", err)
	}
}
