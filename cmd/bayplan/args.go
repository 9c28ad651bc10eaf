package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// familiar takes what people type at programs that they do not know yet for
// what it is called here.
func familiar(args []string) []string {
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

// flagsFirst moves a command's flags ahead of its positional arguments. The
// flag parser stops at the first positional and takes all that follows for
// positionals too, silently; a user may write them in any order.
func flagsFirst(app *cli.App, args []string) []string {
	cmds, at := app.Commands, 1
	flags := takesValue(app.Flags)
	for at < len(args) {
		cmd := find(cmds, args[at])
		if cmd == nil {
			break
		}
		flags, cmds = takesValue(cmd.Flags), cmd.Subcommands
		at++
	}
	if at >= len(args) {
		return args
	}
	named, rest := split(args[at:], flags)
	out := append(append([]string{}, args[:at]...), named...)
	return append(out, rest...)
}

// split parts flags, with their values, from the other arguments.
func split(args []string, value map[string]bool) (named, rest []string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return named, append(append(rest, "--"), args[i+1:]...)
		}
		if len(arg) < 2 || arg[0] != '-' {
			rest = append(rest, arg)
			continue
		}
		named = append(named, arg)
		name, _, inline := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if value[name] && !inline && i+1 < len(args) {
			i++
			named = append(named, args[i])
		}
	}
	return named, rest
}

// takesValue says of each flag name whether a value follows it.
func takesValue(flags []cli.Flag) map[string]bool {
	out := map[string]bool{}
	for _, f := range flags {
		_, isBool := f.(*cli.BoolFlag)
		for _, name := range f.Names() {
			out[name] = !isBool
		}
	}
	return out
}

func find(cmds []*cli.Command, name string) *cli.Command {
	for _, c := range cmds {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}
