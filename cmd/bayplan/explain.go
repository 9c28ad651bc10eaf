package main

import (
	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/explain"
)

func (p *program) explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "describe the step types, one of them, or a part of plans",
		ArgsUsage: "[TYPE | TOPIC]",
		Flags:     []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			name := c.Args().First()
			if name != "" {
				if err := explain.Check(name); err != nil {
					return usageError{err}
				}
			}
			switch {
			case c.Bool("json"):
				d, err := explain.Document(name)
				if err != nil {
					return err
				}
				return p.printDocument(d)
			case name == "":
				return explain.List(p.stdout)
			}
			return explain.Describe(p.stdout, name)
		},
	}
}
