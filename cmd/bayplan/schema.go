package main

import (
	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/schemas"
)

func (p *program) schemaCommand() *cli.Command {
	return &cli.Command{
		Name:  "schema",
		Usage: "print the JSON Schema of plan files, for editors",
		Action: func(*cli.Context) error {
			_, err := p.stdout.Write(schemas.PlanV1)
			return err
		},
	}
}
