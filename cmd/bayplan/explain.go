package main

import (
	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/explain"
)

func (p *program) explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "describe the step types, one of them, or a part of plans",
		ArgsUsage: "[TYPE | TOPIC]",
		Flags:     []cli.Flag{commandline.JSONFlag()},
		Action: func(c *cli.Context) error {
			name := c.Args().First()
			if name != "" {
				if err := explain.Check(name); err != nil {
					return commandline.Usage(err)
				}
			}
			switch {
			case c.Bool("json"):
				d, err := explain.Document(name)
				if err != nil {
					return err
				}
				return p.PrintDocument(d)
			case name == "":
				return explain.List(p.Stdout)
			}
			return explain.Describe(p.Stdout, name)
		},
	}
}
