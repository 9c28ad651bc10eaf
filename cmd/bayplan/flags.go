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
		repeated("var", "NAME=VALUE", "give a variable a value"),
		repeated("var-file", "FILE", "read values of variables from FILE"),
		&cli.StringFlag{Name: "connections", Usage: "use the connections of `FILE` in place of the plan's"},
	}
}

// stateFlag says where the state is.
func stateFlag() cli.Flag {
	return &cli.StringFlag{Name: "state-dir", Usage: "keep the state in `DIR` (default: .bayplan by the plan)"}
}

// runFlags are what every command takes that walks the steps.
func runFlags() []cli.Flag {
	return append(planFlags(), stateFlag(),
		repeated("only", "ID", "run just the step ID"),
		repeated("skip", "ID", "do not run the step ID"),
		&cli.IntFlag{Name: "parallel", Value: 4, Usage: "run at most `N` steps at a time"},
		lockFlag(),
		&cli.BoolFlag{Name: "locked", Usage: "look up no tag; one that is not locked is an error"},
		jsonFlag(),
	)
}

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print JSON; what is for people goes to standard error"}
}

// A repeatedFlag may be given several times. Its help takes one line.
type repeatedFlag struct {
	*cli.StringSliceFlag
	value string // stands for its value
}

func repeated(name, value, usage string) cli.Flag {
	return repeatedFlag{&cli.StringSliceFlag{Name: name, Usage: usage}, value}
}

// String is how the help shows the flag.
func (f repeatedFlag) String() string {
	return fmt.Sprintf("--%s %s\t%s; may be repeated", f.Name, f.value, f.Usage)
}

// options turns the flags of planFlags into what package plan takes, and
// refuses values that no command can take.
func (p *program) options(c *cli.Context) (plan.Options, error) {
	o := plan.Options{
		Vars:        map[string]string{},
		VarFiles:    c.StringSlice("var-file"),
		Environ:     p.env,
		Connections: c.String("connections"),
	}
	if n := c.Int("parallel"); c.IsSet("parallel") && n < 1 {
		return o, usageError{fmt.Errorf("--parallel %d: at least one step must run", n)}
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
