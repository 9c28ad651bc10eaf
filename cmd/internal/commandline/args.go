package commandline

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// ExpandAliases replaces spellings that are common in other programs, such as
// --version and help, by the ones that the program has.
func ExpandAliases(args []string) []string {
	if len(args) < 2 {
		return args
	}
	switch args[1] {
	case "-v", "-version", "--version":
		return append([]string{args[0], "version"}, args[2:]...)
	case "help":
		return append(append([]string{args[0]}, args[2:]...), "--help")
	}
	return args
}

// flagsFirst moves a command's flags ahead of its positional arguments. Users
// may mix them, but the flag parser stops at the first positional argument and
// silently takes everything after it as positional, too.
func flagsFirst(app *cli.App, args []string) []string {
	cmds, first := app.Commands, 1 // first is the index of the first argument after the command
	valued := TakesValue(app.Flags)
	for first < len(args) {
		cmd := FindCommand(cmds, args[first])
		if cmd == nil {
			break
		}
		valued, cmds = TakesValue(cmd.Flags), cmd.Subcommands
		first++
	}
	if first >= len(args) || len(cmds) > 0 && !strings.HasPrefix(args[first], "-") { // no known command
		return args
	}
	flags, rest := SplitFlags(args[first:], valued)
	out := append(append([]string{}, args[:first]...), flags...)
	return append(out, rest...)
}

// SplitFlags separates flags and their values from the other arguments. valued
// tells which flags take a value.
func SplitFlags(args []string, valued map[string]bool) (flags, rest []string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return flags, append(append(rest, "--"), args[i+1:]...)
		}
		if len(arg) < 2 || arg[0] != '-' {
			rest = append(rest, arg)
			continue
		}
		flags = append(flags, arg)
		name, _, inline := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if valued[name] && !inline && i+1 < len(args) {
			i++
			flags = append(flags, args[i])
		}
	}
	return flags, rest
}

// TakesValue tells for each flag name whether the flag takes a value.
func TakesValue(flags []cli.Flag) map[string]bool {
	out := map[string]bool{}
	for _, f := range flags {
		_, isBool := f.(*cli.BoolFlag)
		for _, name := range f.Names() {
			out[name] = !isBool
		}
	}
	return out
}

// FindCommand returns the command of a name, or nil.
func FindCommand(cmds []*cli.Command, name string) *cli.Command {
	for _, c := range cmds {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}
