package explain

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/environment"
	"github.com/bayplan/bayplan/cmd/internal/exitcode"
)

// jsonTopic is the topic that describes the form of JSON.
const jsonTopic = "json"

// others are the topics that describe no part of plans. Their texts are made of the code.
var others = [...]struct {
	name string
	text func() string
}{
	{"environment", environmentText},
	{"exit-codes", exitCodesText},
	{jsonTopic, jsonText},
}

// isOther reports whether a topic describes no part of plans.
func isOther(name string) bool {
	for _, o := range others {
		if o.name == name {
			return true
		}
	}
	return false
}

func exitCodesText() string {
	var b strings.Builder
	b.WriteString("Exit codes of all commands\n")
	for _, m := range exitcode.Meanings() {
		fmt.Fprintf(&b, "\n  %-4d %s\n%s\n", m.Code, m.Summary, plainText(m.Detail, "       "))
	}
	return b.String()
}

func environmentText() string {
	var b strings.Builder
	b.WriteString("What bayplan reads of a machine without being told\n")
	section := func(title, text string) {
		b.WriteString("\n" + title + "\n")
		if text != "" {
			b.WriteString(plainText(text, "") + "\n")
		}
	}
	entry := func(name, meaning string) { fmt.Fprintf(&b, "  %s\n%s\n", name, plainText(meaning, "      ")) }
	for _, g := range environment.Variables() {
		section("Variables: "+g.Title, g.Text)
		for _, v := range g.Variables {
			entry(v.Name, v.Meaning)
		}
	}
	for _, g := range environment.Files() {
		section(g.Title, g.Text)
		for _, f := range g.Files {
			entry(f.Path, f.Meaning)
		}
	}
	section("Programs", "They are looked for in PATH.")
	for _, p := range environment.Programs() {
		entry(p.Name, p.Meaning)
	}
	return b.String()
}

// plainText gives a text of Markdown for a terminal, indented.
func plainText(text, prefix string) string {
	return indent(strings.ReplaceAll(text, "`", ""), prefix)
}
