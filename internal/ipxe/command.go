package ipxe

import (
	"slices"
	"strings"
)

// A command is one command of a script, with its arguments as written.
type command struct {
	line        int // where it begins
	words       []string
	conditional bool // another command decides whether it runs
}

// commands splits a script into its commands. A backslash at the end of a line joins the
// next line to it, a label may stand before the commands of a line, and a word that begins
// with # begins a comment. There are no quotes. What stands behind an exit or a goto that
// always runs, and before the next label, is never reached and is left out.
func commands(script string) []command {
	var all []command
	var dead bool // the script has ended or gone elsewhere, up to the next label
	lines := strings.Split(script, "\n")
	for i := 0; i < len(lines); i++ {
		begin := i
		line := strings.TrimSuffix(lines[i], "\r")
		for strings.HasSuffix(line, "\\") && i+1 < len(lines) {
			i++
			line = strings.TrimSuffix(line, "\\") + strings.TrimSuffix(lines[i], "\r")
		}
		dead = dead && !strings.HasPrefix(strings.TrimSpace(line), ":")
		for _, c := range lineCommands(begin+1, line) {
			if dead {
				break
			}
			all = append(all, c)
			dead = !c.conditional && (c.words[0] == "exit" || c.words[0] == "goto")
		}
	}
	return all
}

// lineCommands splits a line at the words that end a command.
func lineCommands(num int, line string) []command {
	words := strings.Fields(strings.TrimSuffix(line, "\\"))
	if len(words) > 0 && strings.HasPrefix(words[0], ":") {
		words = words[1:] // a label
	}
	if i := slices.IndexFunc(words, func(w string) bool { return w[0] == '#' }); i >= 0 {
		words = words[:i]
	}
	var all []command
	conditional := false
	for len(words) > 0 {
		end := slices.IndexFunc(words, func(w string) bool { return w == "||" || w == "&&" || w == ";" })
		one, ending := words, ""
		words = nil
		if end >= 0 {
			one, ending, words = one[:end], one[end], one[end+1:]
		}
		if len(one) > 0 {
			all = append(all, command{line: num, words: one, conditional: conditional})
		}
		conditional = ending == "||" || ending == "&&"
	}
	return all
}
