package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/plan"
)

// planFlags returns the flags of every command that reads a plan.
func planFlags() []cli.Flag {
	return append([]cli.Flag{commandline.FileFlag()}, valueFlags()...)
}

// valueFlags returns the flags that give a plan its values.
func valueFlags() []cli.Flag {
	return append(commandline.VarFlags(), &cli.StringFlag{Name: "connections", Usage: "use the connections of `FILE` instead of the plan's"})
}

// stateFlag returns the flag that sets the directory of the state.
func stateFlag() cli.Flag {
	return &cli.StringFlag{Name: "state-dir", Usage: "keep the state in `DIR` (default: .bayplan by the plan)"}
}

// runFlags returns the flags of every command that walks the steps.
func runFlags() []cli.Flag {
	return append(planFlags(), stateFlag(),
		commandline.NewRepeated("only", "ID", "run only the step ID"),
		commandline.NewRepeated("skip", "ID", "do not run the step ID"),
		&cli.IntFlag{Name: "parallel", Value: 4, Usage: "run at most `N` steps at a time"},
		lockFlag(),
		commandline.LockedFlag(),
		commandline.JSONFlag(),
		commandline.QuietFlag(),
	)
}

// ciRunFlags returns runFlags and the flags for CI systems.
func ciRunFlags() []cli.Flag { return append(runFlags(), commandline.CIFlags()...) }

// planFiles returns the plans that the command line names, or the default one.
func planFiles(c *cli.Context) []string {
	files := append(c.StringSlice("file"), c.Args().Slice()...)
	if len(files) == 0 && c.IsSet("file") { // of a command that takes one plan
		files = []string{c.String("file")}
	}
	if len(files) == 0 {
		files = []string{commandline.DefaultPlan}
	}
	return files
}

// options turns the flags of planFlags into the options of package plan. It
// rejects values that are wrong for every command.
func (p *program) options(c *cli.Context) (plan.Options, error) {
	if n := c.Int("parallel"); c.IsSet("parallel") && n < 1 {
		return plan.Options{}, p.CommandError(fmt.Errorf("--parallel %d: at least one step must run", n))
	}
	return p.Values(c)
}
