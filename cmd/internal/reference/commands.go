package reference

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/schemas"
)

func commands(in Input) page {
	var out strings.Builder
	out.WriteString(blocks(in.About) + "\n\n")
	out.WriteString("Flags follow the command, in any order with its arguments. `-f FILE`, `-f=FILE`, `--file FILE` and `--file=FILE` are the same. " +
		"A flag that takes one value cannot be given twice. `--help` after a command lists its flags.\n\n" +
		"Results go to standard output, messages to standard error. See also: [exit codes](exit-codes.md), [variables and files](environment.md).\n\n")
	var rows [][]string
	for _, c := range in.App.Commands {
		rows = append(rows, []string{link(code(c.Name), "", "bayplan "+c.Name), prose(c.Usage)})
	}
	table(&out, []string{"command", ""}, rows)
	for _, c := range in.App.Commands {
		command(&out, c, "bayplan "+c.Name)
		for _, sub := range c.Subcommands {
			command(&out, sub, "bayplan "+c.Name+" "+sub.Name)
		}
	}
	return page{"commands.md", "Commands", "every command with its flags and their defaults", out.String()}
}

func command(out *strings.Builder, c *cli.Command, name string) {
	usage := strings.ToUpper(c.Usage[:1]) + c.Usage[1:]
	fmt.Fprintf(out, "## %s\n\n%s.\n\n```text\n%s\n```\n\n", code(name), prose(usage), c.UsageText)
	if c.Description != "" {
		out.WriteString(blocks(c.Description) + "\n\n")
	}
	var rows [][]string
	for _, f := range c.Flags {
		if doc, ok := f.(cli.DocGenerationFlag); ok && !slices.Contains(f.Names(), "help") {
			rows = append(rows, flagRow(doc, f.Names()))
		}
	}
	table(out, []string{"flag", "default", ""}, rows)
	if doc := documentOf(c); doc != "" && slices.Contains(schemas.Names(), doc) {
		fmt.Fprintf(out, "`--json` prints %s.\n\n", link("this document", "json/"+doc+".md", ""))
	}
}

// documentOf gives the name of the document that a command prints with --json, or "".
func documentOf(c *cli.Command) string {
	if !slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return f.Names()[0] == "json" }) {
		return ""
	}
	switch c.Name {
	case "apply", "verify":
		return "events"
	case "show":
		return "diff"
	}
	return c.Name
}

// A valued flag names its value itself.
type valued interface{ ValueName() string }

func flagRow(f cli.DocGenerationFlag, names []string) []string {
	usage, value := f.GetUsage(), ""
	if v, ok := f.(valued); ok {
		value = v.ValueName()
	} else if before, rest, ok := strings.Cut(usage, "`"); ok {
		name, after, _ := strings.Cut(rest, "`")
		value, usage = name, before+name+after
	}
	var forms []string
	for _, n := range names {
		form := "--" + n
		if len(n) == 1 {
			form = "-" + n
		}
		forms = append(forms, code(strings.TrimSpace(form+" "+value)))
	}
	def := strings.Trim(f.GetDefaultText(), `"`)
	if _, ok := f.(valued); ok || !f.TakesValue() || def == "0" {
		def = ""
	}
	if _, many := f.(valued); many {
		usage += "; may be repeated"
	}
	if def != "" {
		def = code(def)
	}
	return []string{strings.Join(forms, ", "), def, prose(usage)}
}
