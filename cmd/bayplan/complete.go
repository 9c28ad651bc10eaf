package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/explain"
	"github.com/bayplan/bayplan/cmd/internal/loader"
	"github.com/bayplan/bayplan/cmd/internal/starter"
	"github.com/bayplan/bayplan/internal/ciformat"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
	"github.com/bayplan/bayplan/schemas"
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
		cmd := commandline.FindCommand(cmds, before[0])
		if cmd == nil {
			break
		}
		cmds, flags, name, before = cmd.Subcommands, cmd.Flags, cmd.Name, before[1:]
	}
	word = strings.ReplaceAll(word, `\`, "") // with which a shell has quoted the part that it has completed
	for _, s := range p.candidates(flags, name, before, cmds, word) {
		if strings.HasPrefix(s, word) && !strings.ContainsFunc(s, special) {
			fmt.Fprintln(p.Stdout, s)
		}
	}
}

// special reports whether a character is none of those in valid names of steps, images and
// variables. A plan with mistakes may have texts that a shell would run.
func special(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._/:@%+,=[]", r)
}

// candidates returns the words that may follow the arguments of a command.
func (p *program) candidates(flags []cli.Flag, cmd string, args []string, subs []*cli.Command, word string) []string {
	valued := commandline.TakesValue(flags)
	if len(args) > 0 {
		if name, isFlag := commandline.FlagName(args[len(args)-1]); isFlag && valued[name] && !strings.Contains(args[len(args)-1], "=") {
			return p.flagValues(cmd, name, args)
		}
	}
	if name, isFlag := commandline.FlagName(word); isFlag && valued[name] && strings.Contains(word, "=") {
		var values []string
		for _, value := range p.flagValues(cmd, name, args) {
			values = append(values, word[:strings.Index(word, "=")+1]+value)
		}
		return values
	}
	if strings.HasPrefix(word, "-") {
		return longFlags(flags)
	}
	if _, rest := commandline.SplitFlags(args, valued); len(rest) > 0 {
		return nil
	}
	switch cmd {
	case "why", "explain-images":
		return stepIDs(args)
	case "report":
		return runIDs(args)
	case "explain":
		return append(explain.Types(), explain.Topics()...)
	case "schema":
		return schemas.Names()
	}
	var names []string
	for _, c := range subs {
		names = append(names, c.Name)
	}
	return names
}

// flagValues returns the values that a flag of a command may have, none where any text or
// a file may follow.
func (p *program) flagValues(cmd, flag string, args []string) []string {
	switch flag {
	case "only", "skip":
		return stepIDs(args)
	case "var":
		return variables(args)
	case "update":
		return lockedImages(args)
	case "format":
		return []string{"text", "dot", "mermaid", "svg"}
	case "images":
		return connections.GeneratedReleases()
	case "scenario":
		return starter.Names()
	case "ci":
		return ciformat.Words()
	case "image", "service", "parameter":
		if cmd == "explain-images" {
			return p.explained(flag, args)
		}
	}
	return nil
}

// planOf reads the plan that the arguments name, as far as it can be read. It is nil if
// there is none.
func planOf(args []string, o plan.Options) *plan.Plan {
	read, _ := plan.Load(context.Background(), planFile(args), o)
	return read
}

// planFile returns the file of the plan that the arguments name.
func planFile(args []string) string {
	file := commandline.DefaultPlan
	for i, arg := range args {
		name, isFlag := commandline.FlagName(arg)
		if !isFlag || name != "f" && name != "file" {
			continue
		}
		if _, inline, ok := strings.Cut(arg, "="); ok {
			file = inline
		} else if i+1 < len(args) {
			file = args[i+1]
		}
	}
	return file
}

// stepIDs returns the step ids of the plan that the arguments name. A plan with
// mistakes gives the ids that can be read.
func stepIDs(args []string) []string {
	read := planOf(args, plan.Options{})
	if read == nil {
		return nil
	}
	var ids []string
	for _, s := range read.Steps {
		ids = append(ids, strings.ReplaceAll(s.ID, `"`, "")) // a shell would take the quotes away
	}
	return ids
}

// variables returns the variables of the plan that the arguments name, as --var takes them.
func variables(args []string) []string {
	read := planOf(args, plan.Options{})
	if read == nil {
		return nil
	}
	var all []string
	for _, name := range read.Vars {
		all = append(all, name+"=")
	}
	return all
}

// explained returns what a flag of explain-images may select: the images, services or
// parameters of the prepare steps of the plan that the arguments name.
func (p *program) explained(flag string, args []string) []string {
	read, errs := loader.Load(context.Background(), planFile(args), plan.Options{Environ: p.Env})
	if len(errs) > 0 {
		return nil
	}
	found, err := (&session{graph: read.Graph, conns: read.Conns}).explainImages(context.Background(), "")
	if err != nil {
		return nil
	}
	var all []string
	for _, step := range found {
		for _, v := range step.Images {
			switch flag {
			case "image":
				all = append(all, v.Image, shortImage(v.Image))
			case "parameter":
				all = append(all, v.Parameters...)
			case "service":
				for _, s := range v.Services {
					all = append(all, shortService(s.Service))
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// shortImage returns the name of an image as people say it: nova-api.
func shortImage(image string) string {
	name, _, _ := strings.Cut(path.Base(image), "@")
	name, _, _ = strings.Cut(name, ":")
	return strings.TrimPrefix(name, "openstack-")
}

// lockedImages returns the images in the lock file of the plan that the arguments name.
func lockedImages(args []string) []string {
	read := planOf(args, plan.Options{})
	if read == nil {
		return nil
	}
	locked, err := lockfile.Read(lockfile.Of(read.File))
	if err != nil {
		return nil
	}
	return locked.Images()
}

// runIDs returns the runs of the plan that the arguments name, as its state beside it keeps
// them.
func runIDs(args []string) []string {
	read := planOf(args, plan.Options{})
	if read == nil {
		return nil
	}
	store, err := runner.ReadStore(runner.StateDir(read), read.File)
	if err != nil {
		return nil
	}
	runs, _ := history.List(store)
	var ids []string
	for _, r := range runs {
		ids = append(ids, r.ID)
	}
	return ids
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
