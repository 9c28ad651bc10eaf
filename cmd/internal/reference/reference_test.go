package reference

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestProse(t *testing.T) {
	for text, want := range map[string]string{
		"Plain words, and no more.":                 "Plain words, and no more.",
		"as {layout: PATH}; or ${vars.x}.":          "as `{layout: PATH}`; or `${vars.x}`.",
		`sites["edge1"], or sites[edge1]`:           "`sites[\"edge1\"]`, or `sites[edge1]`",
		`"diff" shows, "0755" is quoted`:            "`diff` shows, `\"0755\"` is quoted",
		"* stands for text, ** for any":             "`*` stands for text, `**` for any",
		"with tag_from_label (and --locked), or -f": "with `tag_from_label` (and `--locked`), or `-f`",
		"NAME@sha512:HEX, HOST/NAME and ~/.x/y.":    "`NAME@sha512:HEX`, `HOST/NAME` and `~/.x/y`.",
		"$${ stands for ${ itself, { } too":         "`$${` stands for `${` itself, `{ }` too",
		"left _alone_ and < or `as is *`":           "left \\_alone\\_ and `<` or `as is *`",
		"host/path@sha256:... is one":               "`host/path@sha256:...` is one",
	} {
		if got := prose(text); got != want {
			t.Errorf("prose(%q) is\n%s, want\n%s", text, got, want)
		}
	}
}

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
			at := name + "#" + anchor(m[1])
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
