package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/plan"
)

// planFlags are what every command takes that reads a plan.
func planFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Value: "bayplan.yaml", Usage: "the plan `FILE`"},
		&cli.StringSliceFlag{Name: "var", Usage: "give a variable a value: `NAME=VALUE`; may be repeated"},
		&cli.StringSliceFlag{Name: "var-file", Usage: "read values of variables from `FILE`; may be repeated"},
		&cli.StringFlag{Name: "connections", Usage: "use the connections of `FILE` in place of the plan's"},
	}
}

// stateFlag says where the state is.
func stateFlag() cli.Flag {
	return &cli.StringFlag{Name: "state-dir", Usage: "keep the state under `DIR` (default: .bayplan beside the plan)"}
}

// runFlags are what every command takes that walks the steps.
func runFlags() []cli.Flag {
	return append(planFlags(), stateFlag(),
		&cli.StringSliceFlag{Name: "only", Usage: "run just the step `ID`; may be repeated"},
		&cli.StringSliceFlag{Name: "skip", Usage: "do not run the step `ID`; may be repeated"},
		&cli.IntFlag{Name: "parallel", Value: 4, Usage: "run at most `N` steps at a time"},
		jsonFlag(),
	)
}

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print JSON on standard output; what is for people goes to standard error"}
}

// options turns the flags of planFlags into what package plan takes.
func (p *program) options(c *cli.Context) (plan.Options, error) {
	o := plan.Options{
		Vars:        map[string]string{},
		VarFiles:    c.StringSlice("var-file"),
		Environ:     p.env,
		Connections: c.String("connections"),
	}
	for _, arg := range c.StringSlice("var") {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return o, usageError{fmt.Errorf("--var %q is not NAME=VALUE", arg)}
		}
		o.Vars[name] = value
	}
	return o, nil
}
