package reference

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/schemas"
)

func commands(in Input) page {
	var out strings.Builder
	out.WriteString(blocks(in.About) + "\n\n")
	out.WriteString("Flags follow the command, in any order with its arguments. `-f FILE`, `-f=FILE`, `--file FILE` and `--file=FILE` are the same. " +
		"A flag that takes one value cannot be given twice. `--help` after a command lists its flags.\n\n" +
		"Results go to standard output, messages to standard error. See also: [exit codes](exit-codes.md), [variables and files](environment.md).\n\n")
	listCommands(&out, in.App)
	return page{"commands.md", "Commands", "every command with its flags and their defaults", out.String()}
}

// SitesPage is the page of bayplan-temporal, below docs/reference. That program is a module of its
// own, where a test calls Sites and compares the page.
const SitesPage = "temporal.md"

func sitesPage() page {
	return page{SitesPage, "Commands of bayplan-temporal", "the program for plans over many sites, its flags and its exit codes", ""}
}

// Sites returns the text of SitesPage.
func Sites(app *cli.App, about string) string {
	var out strings.Builder
	out.WriteString("<!-- Made of the code by `make generate`. Change the code, not this page. -->\n\n# " + sitesPage().title + "\n\n" + blocks(about) + "\n\n")
	out.WriteString("The guide [many sites with Temporal](../guides/temporal.md) says how they are used.\n\n")
	listCommands(&out, app)
	out.WriteString("## Exit codes\n\n")
	codes(&out, exitcode.OfSites())
	return strings.TrimRight(out.String(), "\n") + "\n"
}

// listCommands writes a table of the commands of a program, and a section for each.
func listCommands(out *strings.Builder, app *cli.App) {
	var rows [][]string
	for _, c := range app.Commands {
		rows = append(rows, []string{link(code(c.Name), "", app.Name+" "+c.Name), prose(c.Usage)})
	}
	table(out, []string{"command", ""}, rows)
	for _, c := range app.Commands {
		command(out, c, app.Name+" "+c.Name)
		for _, sub := range c.Subcommands {
			command(out, sub, app.Name+" "+c.Name+" "+sub.Name)
		}
	}
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
	case "apply", "verify", "run":
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
	if _, many := f.(commandline.Repeated); many || !f.TakesValue() || def == "0" {
		def = ""
	}
	if _, many := f.(commandline.Repeated); many {
		usage += "; may be repeated"
	}
	if def != "" {
		def = code(def)
	}
	return []string{strings.Join(forms, ", "), def, prose(usage)}
}
