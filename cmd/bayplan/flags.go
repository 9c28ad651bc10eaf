package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/loader"
	"github.com/bayplan/bayplan/cmd/internal/outfile"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/plan"
)

// defaultPlan is the plan where none is named.
const defaultPlan = "bayplan.yaml"

// planFlags returns the flags of every command that reads a plan.
func planFlags() []cli.Flag {
	file := &cli.StringFlag{Name: "file", Aliases: []string{"f"}, Value: defaultPlan, Usage: "the plan `FILE`"}
	return append([]cli.Flag{file}, valueFlags()...)
}

// valueFlags returns the flags that give a plan its values.
func valueFlags() []cli.Flag {
	return []cli.Flag{
		newRepeatedFlag("var", "NAME=VALUE", "give a variable a value"),
		newRepeatedFlag("var-file", "FILE", "read values of variables from FILE"),
		&cli.StringFlag{Name: "connections", Usage: "use the connections of `FILE` instead of the plan's"},
	}
}

// stateFlag returns the flag that sets the directory of the state.
func stateFlag() cli.Flag {
	return &cli.StringFlag{Name: "state-dir", Usage: "keep the state in `DIR` (default: .bayplan by the plan)"}
}

// runFlags returns the flags of every command that walks the steps.
func runFlags() []cli.Flag {
	return append(planFlags(), stateFlag(),
		newRepeatedFlag("only", "ID", "run only the step ID"),
		newRepeatedFlag("skip", "ID", "do not run the step ID"),
		&cli.IntFlag{Name: "parallel", Value: 4, Usage: "run at most `N` steps at a time"},
		lockFlag(),
		&cli.BoolFlag{Name: "locked", Usage: "look up no tag; a tag that is not locked is an error"},
		jsonFlag(),
		quietFlag(),
	)
}

// ciRunFlags returns runFlags and ciFlags.
func ciRunFlags() []cli.Flag { return append(runFlags(), ciFlags()...) }

func quietFlag() cli.Flag {
	return &cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print only errors and the summary"}
}

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print JSON; messages for people go to standard error"}
}

// planFiles returns the plans that the command line names, or the default one.
func planFiles(c *cli.Context) []string {
	files := append(c.StringSlice("file"), c.Args().Slice()...)
	if len(files) == 0 && c.IsSet("file") { // of a command that takes one plan
		files = []string{c.String("file")}
	}
	if len(files) == 0 {
		files = []string{defaultPlan}
	}
	return files
}

// A repeatedFlag may be given several times. Its help takes one line.
type repeatedFlag struct {
	*cli.StringSliceFlag
	value string // names its value in the help
}

func newRepeatedFlag(name, value, usage string, aliases ...string) cli.Flag {
	return repeatedFlag{&cli.StringSliceFlag{Name: name, Aliases: aliases, Usage: usage}, value}
}

// ValueName returns what names the value in the help.
func (f repeatedFlag) ValueName() string { return f.value }

// String returns the line of the help that shows the flag.
func (f repeatedFlag) String() string {
	names := "--" + f.Name + " " + f.value
	for _, alias := range f.Aliases {
		names += ", -" + alias + " " + f.value
	}
	return fmt.Sprintf("%s\t%s; may be repeated", names, f.Usage)
}

// options turns the flags of planFlags into the options of package plan. It
// rejects values that are wrong for every command.
func (p *program) options(c *cli.Context) (plan.Options, error) {
	o := plan.Options{
		Vars:        map[string]string{},
		VarFiles:    c.StringSlice("var-file"),
		Environ:     p.env,
		Connections: c.String("connections"),
		Redactor:    p.redactor,
	}
	if n := c.Int("parallel"); c.IsSet("parallel") && n < 1 {
		return o, commandError(fmt.Errorf("--parallel %d: at least one step must run", n))
	}
	for _, arg := range c.StringSlice("var") {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return o, commandError(fmt.Errorf("--var %q is not NAME=VALUE", arg))
		}
		o.Vars[name] = value
	}
	return o, nil
}

// checkOutputs gives an error, before anything is done, if files that flags have written cannot be
// written, or if that would overwrite a file of the plan or of its state.
func (p *program) checkOutputs(c *cli.Context) error {
	var files outfile.Files
	for _, flag := range []string{"out", "junit", "report", "metrics", "output"} {
		files.Add(flag, c.String(flag))
	}
	if files.None() {
		return nil
	}
	options, _ := p.options(c) // the command reports its error
	files.Protect(append(c.StringSlice("var-file"), c.String("connections"), c.String("lock"), c.String("saved"))...)
	for _, file := range append(c.StringSlice("file"), append(c.Args().Slice(), c.String("file"), defaultPlan)...) {
		files.Protect(file, lockfile.Of(file))
		files.ProtectDir(filepath.Join(filepath.Dir(file), ".bayplan"))
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() { // a pipe is read once
			continue
		}
		used := loader.FilesOf(c.Context, file, options)
		files.Protect(used.Files...)
		files.ProtectDirs("which the plan reads or keeps", used.Dirs...)
		if dir := c.String("state-dir"); used.Plan != "" && dir != "" {
			files.ProtectDir(filepath.Join(dir, used.Plan))
		}
	}
	if err := files.Check(); err != nil {
		return usageError{err}
	}
	return nil
}
