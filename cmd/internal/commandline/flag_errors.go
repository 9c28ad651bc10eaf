package commandline

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// CommandError makes a UsageError of a command line that names an unknown command or
// flag, or takes an argument that it does not know. Its hint says where they are
// listed, unless err has a hint.
func (p *Program) CommandError(err error) error {
	if fault.Hint(err) == "" {
		err = fault.WithHint(err, fmt.Sprintf("%s --help lists the commands, %[1]s COMMAND --help its flags", p.Name))
	}
	return Usage(err)
}

// flagError turns an error of the flag parser into a UsageError.
func (p *Program) flagError(c *cli.Context, err error, _ bool) error {
	if c.Command.Name == c.App.Name {
		return Usage(fault.WithHint(errors.New("a command is missing before the flags"), "flags follow the command: "+p.Name+" COMMAND [flags]"))
	}
	return p.CommandError(flagText(err, c.Command.Flags))
}

// badValue is the flag parser's text for a value that does not fit.
var badValue = lazyregexp.New(`^invalid (?:boolean )?value (".*") for (?:flag )?-(\S+): `)

// flagText says in the words of people what the flag parser says.
func flagText(err error, flags []cli.Flag) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		name = strings.TrimPrefix(name, "-")
		unknown := fmt.Errorf("unknown flag %s", Dashed(name))
		var known []string
		for _, f := range flags {
			known = append(known, f.Names()[0])
		}
		if near := human.Suggest(name, known); near != "" {
			return fmt.Errorf("%w; did you mean --%s?", unknown, near)
		}
		return unknown
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return fmt.Errorf("%s needs a value", Dashed(strings.TrimPrefix(name, "-")))
	}
	if m := badValue.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("%s does not take %s", Dashed(m[2]), m[1])
	}
	return err
}

// Dashed gives a flag as people write it.
func Dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// checkValues gives an error for a flag that takes one value and is given twice, since one of
// the two values would be ignored silently, and for a value or an argument that is empty: a
// variable of a script that is not set would make "apply --saved" an apply of anything.
func checkValues(app *cli.App, args []string) error {
	cmd, flags, rest := commandOf(app, args)
	if cmd == nil {
		return nil
	}
	if slices.Contains(rest, "") {
		return Usage(fault.WithHint(fmt.Errorf("%s: an argument is empty", cmd.Name), emptyHint))
	}
	valued, given := TakesValue(cmd.Flags), map[string]string{}
	for i := 0; i < len(flags); i++ {
		name, _ := FlagName(flags[i])
		f := FindFlag(cmd.Flags, name)
		if f == nil || !valued[name] {
			continue
		}
		_, value, inline := strings.Cut(flags[i], "=")
		if !inline {
			if i++; i == len(flags) {
				return nil // the flag parser says that it needs a value
			}
			value = flags[i]
		}
		if value == "" {
			return Usage(fault.WithHint(fmt.Errorf("%s: the value of %s is empty", cmd.Name, Dashed(name)), emptyHint))
		}
		if _, many := f.(Repeated); many {
			continue
		}
		as := f.Names()[0]
		if before := given[as]; before != "" {
			return Usage(fmt.Errorf("%s: %s is given twice, and takes one value", cmd.Name, twice(before, Dashed(name))))
		}
		given[as] = Dashed(name)
	}
	return nil
}

const emptyHint = "if it comes from a variable, that one is not set"

func twice(a, b string) string {
	if a == b {
		return a
	}
	return a + " or " + b
}

// commandOf gives the command that args name, with its flags and their values, and its other
// arguments.
func commandOf(app *cli.App, args []string) (cmd *cli.Command, flags, rest []string) {
	cmds, first := app.Commands, 1
	for first < len(args) {
		found := FindCommand(cmds, args[first])
		if found == nil {
			break
		}
		cmd, cmds = found, found.Subcommands
		first++
	}
	if cmd == nil {
		return nil, nil, nil
	}
	flags, rest = SplitFlags(args[first:], TakesValue(cmd.Flags))
	return cmd, flags, rest
}

// FlagName returns the name of a flag without its dashes and its value.
func FlagName(arg string) (name string, isFlag bool) {
	if len(arg) < 2 || arg[0] != '-' {
		return "", false
	}
	name, _, _ = strings.Cut(strings.TrimLeft(arg, "-"), "=")
	return name, true
}

// FindFlag returns the flag that has a name, or nil.
func FindFlag(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				return f
			}
		}
	}
	return nil
}
