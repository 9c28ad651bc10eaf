package manual

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

func testApp() *cli.App {
	return &cli.App{
		Name: "tool", Usage: "do it", UsageText: "tool COMMAND [flags]", Version: "v1.2.3",
		Description: "It does *it*.\n.PP is text, and so is \\fB.\n\nFor example:\n  tool do a_b *\n\n    --more\nThat is all.",
		Commands: []*cli.Command{
			{Name: "do", Usage: "do one", UsageText: "tool do [flags] FILE", Flags: []cli.Flag{
				&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "a.html", Usage: "write to `FILE`"},
				&cli.BoolFlag{Name: "secret", Hidden: true},
			}},
			{Name: "many", Usage: "do many", UsageText: "tool many COMMAND", Subcommands: []*cli.Command{{Name: "times", Usage: "again", UsageText: "tool many times"}}},
			{Name: "inner", Hidden: true},
		},
	}
}

func TestPages(t *testing.T) {
	pages := Pages(testApp(), time.Date(2026, 11, 30, 23, 0, 0, 0, time.FixedZone("", -7200)))
	var names []string
	for _, p := range pages {
		names = append(names, p.Name)
	}
	if diff := cmp.Diff([]string{"tool", "tool-do", "tool-many", "tool-many-times"}, names); diff != "" {
		t.Fatal(diff)
	}
	for want, text := range map[string][]byte{
		`.TH "TOOL" "1" "2026-12-01" "tool v1.2.3" "User Commands"`: pages[0].Text,
		"tool \\- do it\n": pages[0].Text,
		"It does *it*\\&.\n\\&.PP is text, and so is \\\\fB\\&.\n":                 pages[0].Text,
		".EX\n  tool do a_b *\n\n    --more\n.EE\n":                                pages[0].Text,
		"\\fBtool-do\\fP(1)\ndo one\n":                                             pages[0].Text,
		"\\fBtool do [flags] FILE\\fP\n":                                           pages[1].Text,
		"\\fB--output FILE, -o FILE\\fP\nwrite to FILE (default: \"a\\&.html\")\n": pages[1].Text,
		"\\fBtool\\fP(1), \\fBtool-many-times\\fP(1)\n":                            pages[2].Text,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
	for _, p := range pages {
		if strings.Contains(string(p.Text), "inner") || strings.Contains(string(p.Text), "secret") {
			t.Errorf("%s shows what is hidden:\n%s", p.Name, p.Text)
		}
	}
}

func TestPagesWithoutDate(t *testing.T) {
	if text := string(Pages(testApp(), time.Time{})[0].Text); !strings.Contains(text, `.TH "TOOL" "1" "" "tool v1.2.3"`) {
		t.Error(text)
	}
}
