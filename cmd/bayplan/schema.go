package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/schemas"
)

// schemaNames lists the schemas of documents in lines that fit a terminal.
func schemaNames() string {
	var text strings.Builder
	column := 0
	for _, name := range schemas.Names() {
		switch {
		case column == 0:
		case column+len(name) > 76:
			text.WriteString(",\n")
			column = 0
		default:
			text.WriteString(", ")
		}
		text.WriteString(name)
		column += len(name) + len(", ")
	}
	return text.String()
}

func (p *program) schemaCommand() *cli.Command {
	return &cli.Command{
		Name:        "schema",
		Usage:       "print the JSON Schema of plans, or of a JSON document",
		ArgsUsage:   "[NAME]",
		Description: "NAME is plan, for editors, or a document that a command prints with --json:\n" + schemaNames(),
		Action: func(c *cli.Context) error {
			name := cmp.Or(c.Args().First(), "plan")
			text, err := schemas.Read(name)
			if err != nil {
				err := fault.WithHint(fmt.Errorf("there is no schema %q", name), "the schemas are "+strings.Join(schemas.Names(), ", "))
				if hint := human.DidYouMean(name, schemas.Names()); hint != "" {
					err = fmt.Errorf("%w; %s", err, hint)
				}
				return commandline.Usage(err)
			}
			_, err = p.Stdout.Write(text)
			return err
		},
	}
}
