package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/internal/convert"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

func (p *program) initCommand() *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "make a plan of another program's list of images",
		Description: "Reads a regsync.yml, a YAML file of skopeo sync, or the additional images of\n" +
			"an ImageSetConfiguration of oc-mirror, and prints a plan that mirrors the\n" +
			"same images. What is left out, and what the plan does in another way, it says\n" +
			"on standard error with the line. Passwords become secrets, never text.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "read `FILE`"},
			&cli.StringFlag{Name: "to", Usage: "mirror to `HOST` or HOST/PATH, if the file names none"},
			&cli.BoolFlag{Name: "scoped", Usage: "name images as skopeo sync --scoped does"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the plan to `FILE`, which must not exist"},
		},
		Action: p.convertList,
	}
}

// convertList converts the file that the flags name.
func (p *program) convertList(c *cli.Context) error {
	from, to := c.String("from"), c.String("output")
	switch {
	case from == "":
		return commandError(errors.New("init: --from FILE is missing"))
	case to != "" && exists(to):
		return usageError{fmt.Errorf("write the plan to %s: it exists already", to)}
	}
	text, err := textfile.Read(c.Context, from, yamlguard.MaxBytes)
	if err != nil {
		return usageError{err}
	}
	made, err := convert.Convert(text, convert.Options{File: from, To: c.String("to"), Scoped: c.Bool("scoped")})
	for _, n := range made.Notes {
		place := from
		if n.Line > 0 {
			place = fmt.Sprintf("%s:%d", from, n.Line)
		}
		fmt.Fprintf(p.stderr, "%s: %s\n", place, n.Text)
	}
	if err != nil {
		return usageError{err}
	}
	if to != "" {
		return durable.WriteBytes(to, 0o644, made.Plan)
	}
	_, err = p.stdout.Write(made.Plan)
	return err
}
