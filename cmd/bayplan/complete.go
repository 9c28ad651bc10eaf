package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/steps"
	"github.com/bayplan/bayplan/steps/connections"
)

// completing is the last argument by which the completion scripts ask what a
// word may become; before it stands the command line up to that word.
const completing = "--complete-this-word"

// complete prints what the last of words may become, a line each. It prints
// nothing where a file's name is due, or anything.
func (p *program) complete(app *cli.App, words []string) {
	if len(words) == 0 {
		return
	}
	word, before := words[len(words)-1], words[:len(words)-1]
	cmds, flags, at := app.Commands, app.Flags, ""
	for len(before) > 0 {
		cmd := find(cmds, before[0])
		if cmd == nil {
			break
		}
		cmds, flags, at, before = cmd.Subcommands, cmd.Flags, cmd.Name, before[1:]
	}
	for _, s := range p.candidates(flags, at, before, cmds, word) {
		if strings.HasPrefix(s, word) {
			fmt.Fprintln(p.out, s)
		}
	}
}

// candidates are what may follow the arguments of a command.
func (p *program) candidates(flags []cli.Flag, cmd string, args []string, subs []*cli.Command, word string) []string {
	value := takesValue(flags)
	if len(args) > 0 {
		if name, isFlag := flagName(args[len(args)-1]); isFlag && value[name] {
			return p.flagValues(name, args)
		}
	}
	if strings.HasPrefix(word, "-") {
		return dashed(flags)
	}
	if _, rest := split(args, value); len(rest) > 0 {
		return nil
	}
	switch cmd {
	case "why":
		return stepIDs(args)
	case "explain":
		return typeNames()
	}
	var names []string
	for _, c := range subs {
		names = append(names, c.Name)
	}
	return names
}

func (p *program) flagValues(flag string, args []string) []string {
	switch flag {
	case "only", "skip":
		return stepIDs(args)
	case "format":
		return []string{"text", "dot", "mermaid"}
	case "images":
		return connections.GeneratedReleases()
	}
	return nil
}

// stepIDs reads them from the plan that the arguments name, as far as it can be read.
func stepIDs(args []string) []string {
	file := "bayplan.yaml"
	for i, arg := range args {
		name, isFlag := flagName(arg)
		if !isFlag || name != "f" && name != "file" {
			continue
		}
		if _, inline, ok := strings.Cut(arg, "="); ok {
			file = inline
		} else if i+1 < len(args) {
			file = args[i+1]
		}
	}
	read, _ := plan.Load(file, plan.Options{})
	if read == nil {
		return nil
	}
	var ids []string
	for _, s := range read.Steps {
		ids = append(ids, s.ID)
	}
	return ids
}

func typeNames() []string {
	var names []string
	for _, t := range steps.Builtin(nil) {
		names = append(names, t.Name)
	}
	return names
}

// flagName gives the name of a flag without its dashes and its value.
func flagName(arg string) (name string, isFlag bool) {
	if len(arg) < 2 || arg[0] != '-' {
		return "", false
	}
	name, _, _ = strings.Cut(strings.TrimLeft(arg, "-"), "=")
	return name, true
}

// dashed gives the long names of flags.
func dashed(flags []cli.Flag) []string {
	names := []string{"--help"}
	for _, f := range flags {
		names = append(names, "--"+f.Names()[0])
	}
	slices.Sort(names)
	return slices.Compact(names)
}
