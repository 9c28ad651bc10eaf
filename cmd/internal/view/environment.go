package view

import (
	"strings"

	"github.com/bayplan/bayplan/internal/environ"
)

// An Environment is what a process is told about its terminal.
type Environment []string

func (e Environment) get(name string) string { return environ.Variables(e).Get(name) }

// Draws reports whether control sequences mean anything to the terminal.
func (e Environment) Draws() bool { return e.get("TERM") != "dumb" }

// Colors reports whether text has colours on a terminal or, with false, elsewhere.
// NO_COLOR (no-color.org) forbids them, then CLICOLOR_FORCE demands them everywhere,
// then CLICOLOR=0 and a dumb terminal go without (bixense.com/clicolors).
func (e Environment) Colors(terminal bool) bool {
	switch force := e.get("CLICOLOR_FORCE"); {
	case e.get("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return terminal && e.get("CLICOLOR") != "0" && e.Draws()
}

// Unicode reports whether the locale's characters are those of UTF-8: LC_ALL goes
// before LC_CTYPE, and that before LANG.
func (e Environment) Unicode() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := e.get(name); locale != "" {
			charset := strings.ToLower(locale)
			return strings.Contains(charset, "utf-8") || strings.Contains(charset, "utf8")
		}
	}
	return false
}
