package commandline

import (
	"context"
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

// DefaultPlan is the plan where none is named.
const DefaultPlan = "bayplan.yaml"

// FileFlag returns the flag that names the plan.
func FileFlag() cli.Flag {
	return &cli.StringFlag{Name: "file", Aliases: []string{"f"}, Value: DefaultPlan, Usage: "the plan `FILE`"}
}

// VarFlags returns the flags that give variables of a plan values.
func VarFlags() []cli.Flag {
	return []cli.Flag{
		NewRepeated("var", "NAME=VALUE", "give a variable a value"),
		NewRepeated("var-file", "FILE", "read values of variables from FILE"),
	}
}

// LockedFlag returns the flag that refuses tags that are not locked.
func LockedFlag() cli.Flag {
	return &cli.BoolFlag{Name: "locked", Usage: "look up no tag; a tag that is not locked is an error"}
}

// QuietFlag returns the flag that leaves out all but errors and the summary.
func QuietFlag() cli.Flag {
	return &cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print only errors and the summary"}
}

// JSONFlag returns the flag that prints JSON.
func JSONFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print JSON; messages for people go to standard error"}
}

// PageFlag returns the flag that writes the page of a run.
func PageFlag() cli.Flag {
	return &cli.StringFlag{Name: "report", Usage: "write a page of the run to `FILE`, also after a failure"}
}

// MetricsFlag returns the flag that writes metrics of a run.
func MetricsFlag() cli.Flag {
	return &cli.StringFlag{Name: "metrics", Usage: "write metrics for node_exporter to `FILE`, in any case"}
}

// A Repeated flag may be given several times. Its help takes one line.
type Repeated struct {
	*cli.StringSliceFlag
	value string // names its value in the help
}

// NewRepeated makes a flag that may be given several times. value names its value in the help.
func NewRepeated(name, value, usage string, aliases ...string) cli.Flag {
	return Repeated{&cli.StringSliceFlag{Name: name, Aliases: aliases, Usage: usage}, value}
}

// ValueName returns what names the value in the help.
func (f Repeated) ValueName() string { return f.value }

// String returns the line of the help that shows the flag.
func (f Repeated) String() string {
	names := "--" + f.Name + " " + f.value
	for _, alias := range f.Aliases {
		names += ", -" + alias + " " + f.value
	}
	return fmt.Sprintf("%s\t%s; may be repeated", names, f.Usage)
}

// Values turns the flags that give a plan its values into the options of package plan.
func (p *Program) Values(c *cli.Context) (plan.Options, error) {
	o := plan.Options{
		Vars:        map[string]string{},
		VarFiles:    c.StringSlice("var-file"),
		Environ:     p.Env,
		Connections: c.String("connections"),
		Redactor:    p.Secrets,
	}
	for _, arg := range c.StringSlice("var") {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return o, p.CommandError(fmt.Errorf("--var %q is not NAME=VALUE", arg))
		}
		o.Vars[name] = value
	}
	return o, nil
}

// CheckOutputs gives an error, before anything is done, if files that flags have written cannot be
// written, or if that would overwrite a file of the plan or of its state.
func (p *Program) CheckOutputs(c *cli.Context) error {
	var files outfile.Files
	for _, flag := range []string{"out", "junit", "report", "metrics", "output"} {
		files.Add(flag, c.String(flag))
	}
	if files.None() {
		return nil
	}
	options, _ := p.Values(c) // the command reports its error
	files.Protect(append(c.StringSlice("var-file"), c.String("connections"), c.String("lock"), c.String("saved"))...)
	for _, file := range append(c.StringSlice("file"), append(c.Args().Slice(), c.String("file"), DefaultPlan)...) {
		protectPlan(c.Context, &files, file, c.String("state-dir"), options)
	}
	if err := files.Check(); err != nil {
		return Usage(err)
	}
	return nil
}

// protectPlan protects the files of a plan and of its state.
func protectPlan(ctx context.Context, files *outfile.Files, file, stateDir string, options plan.Options) {
	files.Protect(file, lockfile.Of(file))
	files.ProtectDir(filepath.Join(filepath.Dir(file), ".bayplan"))
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() { // a pipe is read once
		return
	}
	used := loader.FilesOf(ctx, file, options)
	files.Protect(used.Files...)
	files.ProtectDirs("which the plan reads or keeps", used.Dirs...)
	if used.Plan != "" && stateDir != "" {
		files.ProtectDir(filepath.Join(stateDir, used.Plan))
	}
}
