// Package manual makes manual pages of the definitions of a command line. It knows how
// pages are laid out, and no command.
package manual

import (
	"fmt"
	"strings"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// section is the section of the manual that describes commands.
const section = 1

// A Page is the manual page of one command.
type Page struct {
	Name string // of the page: program-command
	Text []byte // roff, in the macros of man(7)
}

// Pages returns the page of the program, and one for each command and subcommand that its
// help shows. date is what the pages are dated; a zero date leaves it out.
func Pages(app *cli.App, date time.Time) []Page {
	m := maker{app: app}
	if !date.IsZero() {
		m.date = date.UTC().Format(time.DateOnly)
	}
	m.add(app.Name, app.Usage, body{
		synopsis: app.UsageText, description: app.Description, flags: app.VisibleFlags(), commands: app.Commands,
	})
	m.addCommands(app.Name, app.Commands)
	return m.pages
}

type maker struct {
	app   *cli.App
	date  string
	pages []Page
}

// A body is what a page says besides its name.
type body struct {
	synopsis, description string
	flags                 []cli.Flag
	commands              []*cli.Command
	parent                string // the page of the command that this one belongs to
}

func (m *maker) addCommands(parent string, commands []*cli.Command) {
	for _, c := range commands {
		if c.Hidden {
			continue
		}
		name := pageName(parent, c)
		m.add(name, c.Usage, body{
			synopsis: c.UsageText, description: c.Description, flags: c.VisibleFlags(), commands: c.Subcommands, parent: parent,
		})
		m.addCommands(name, c.Subcommands)
	}
}

func pageName(parent string, c *cli.Command) string { return parent + "-" + c.Name }

func (m *maker) add(name, usage string, b body) {
	var md strings.Builder
	fmt.Fprintf(&md, "%% %q %q %q %q %q\n\n", strings.ToUpper(name), fmt.Sprint(section), m.date, m.app.Name+" "+m.app.Version, "User Commands")
	fmt.Fprintf(&md, "# NAME\n\n%s - %s\n\n# SYNOPSIS\n\n**%s**\n\n", name, escape(usage), escape(b.synopsis))
	if b.description != "" {
		md.WriteString("# DESCRIPTION\n\n" + paragraphs(b.description))
	}
	writeFlags(&md, b.flags)
	var related []string
	if b.parent != "" {
		related = append(related, reference(b.parent))
	}
	if len(b.commands) > 0 {
		md.WriteString("# COMMANDS\n\n")
	}
	for _, c := range b.commands {
		if !c.Hidden {
			page := reference(pageName(name, c))
			fmt.Fprintf(&md, "%s\n:   %s\n\n", page, escape(c.Usage))
			related = append(related, page)
		}
	}
	if len(related) > 0 {
		md.WriteString("# SEE ALSO\n\n" + strings.Join(related, ", ") + "\n")
	}
	m.pages = append(m.pages, Page{Name: name, Text: md2man.Render([]byte(md.String()))})
}

// reference returns the name of a page as other pages mention it.
func reference(page string) string { return fmt.Sprintf("**%s**(%d)", escape(page), section) }

func writeFlags(md *strings.Builder, flags []cli.Flag) {
	if len(flags) == 0 {
		return
	}
	md.WriteString("# OPTIONS\n\n")
	for _, f := range flags {
		names, usage, _ := strings.Cut(f.String(), "\t")
		fmt.Fprintf(md, "**%s**\n:   %s\n\n", escape(names), escape(strings.TrimSpace(usage)))
	}
}

// paragraphs makes Markdown of a text for terminals: lines that are indented are shown as
// they are, all others are filled.
func paragraphs(text string) string {
	var md strings.Builder
	shown := false // the last line was shown as it is
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		indented := strings.HasPrefix(line, "  ")
		if indented != shown && line != "" {
			md.WriteString(fence(indented))
			shown = indented
		}
		if !indented {
			line = escape(line)
		}
		md.WriteString(line + "\n")
	}
	if shown {
		md.WriteString(fence(false))
	}
	return md.String() + "\n"
}

// fence begins a block that is shown as it is, or ends one.
func fence(begin bool) string {
	if begin {
		return "\n```\n"
	}
	return "```\n\n"
}

var special = lazyregexp.New("[\\\\`*_{}\\[\\]()#+.!:|&<>~-]")

// escape makes Markdown of a text in which nothing has a meaning of its own.
func escape(text string) string { return special.ReplaceAllString(text, `\$0`) }
