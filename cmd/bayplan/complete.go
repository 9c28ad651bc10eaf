package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/schemas"
	"github.com/bayplan/bayplan/steps"
	"github.com/bayplan/bayplan/steps/connections"
)

// completeFlag is the last argument that the completion scripts pass. The
// arguments before it are the command line up to the word to complete.
const completeFlag = "--complete-this-word"

// complete prints the completions of the last of words, one a line. It prints
// nothing where a file name or free text is expected.
func (p *program) complete(app *cli.App, words []string) {
	if len(words) == 0 {
		return
	}
	word, before := words[len(words)-1], words[:len(words)-1]
	cmds, flags, name := app.Commands, app.Flags, ""
	for len(before) > 0 {
		cmd := findCommand(cmds, before[0])
		if cmd == nil {
			break
		}
		cmds, flags, name, before = cmd.Subcommands, cmd.Flags, cmd.Name, before[1:]
	}
	for _, s := range p.candidates(flags, name, before, cmds, word) {
		if strings.HasPrefix(s, word) {
			fmt.Fprintln(p.stdout, s)
		}
	}
}

// candidates returns the words that may follow the arguments of a command.
func (p *program) candidates(flags []cli.Flag, cmd string, args []string, subs []*cli.Command, word string) []string {
	valued := takesValue(flags)
	if len(args) > 0 {
		if name, isFlag := flagName(args[len(args)-1]); isFlag && valued[name] {
			return p.flagValues(name, args)
		}
	}
	if strings.HasPrefix(word, "-") {
		return longFlags(flags)
	}
	if _, rest := splitFlags(args, valued); len(rest) > 0 {
		return nil
	}
	switch cmd {
	case "why":
		return stepIDs(args)
	case "report":
		return runIDs(args)
	case "schema":
		return schemas.Names()
	case "explain":
		return append(typeNames(), topicNames()...)
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
		return []string{"text", "dot", "mermaid", "svg"}
	case "images":
		return connections.GeneratedReleases()
	}
	return nil
}

// namedPlan returns the plan that the arguments name. Of a plan with mistakes it is what
// can be read, and nil if nothing can.
func namedPlan(args []string) *plan.Plan {
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
	read, _ := plan.Load(context.Background(), file, plan.Options{})
	return read
}

// stepIDs returns the step ids of the plan that the arguments name.
func stepIDs(args []string) []string {
	read := namedPlan(args)
	if read == nil {
		return nil
	}
	var ids []string
	for _, s := range read.Steps {
		ids = append(ids, s.ID)
	}
	return ids
}

// runIDs returns the runs of the plan that the arguments name, as its state beside it keeps
// them.
func runIDs(args []string) []string {
	read := namedPlan(args)
	if read == nil {
		return nil
	}
	store, err := runner.ReadStore(runner.StateDir(read), read.File)
	if err != nil {
		return nil
	}
	runs, _ := store.Runs()
	var ids []string
	for _, r := range runs {
		ids = append(ids, r.ID)
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

// flagName returns the name of a flag without its dashes and its value.
func flagName(arg string) (name string, isFlag bool) {
	if len(arg) < 2 || arg[0] != '-' {
		return "", false
	}
	name, _, _ = strings.Cut(strings.TrimLeft(arg, "-"), "=")
	return name, true
}

// longFlags returns the long names of flags with their dashes.
func longFlags(flags []cli.Flag) []string {
	names := []string{"--help"}
	for _, f := range flags {
		names = append(names, "--"+f.Names()[0])
	}
	slices.Sort(names)
	return slices.Compact(names)
}
