package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/outfile"
	"github.com/bayplan/bayplan/cmd/internal/starter"
	"github.com/bayplan/bayplan/internal/convert"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

func (p *program) initCommand() *cli.Command {
	var about strings.Builder
	for _, s := range starter.Scenarios() {
		fmt.Fprintf(&about, "  %-8s  %s\n", s.Name, s.About)
	}
	return &cli.Command{
		Name:  "init",
		Usage: "make a first plan, or one of another program's list of images",
		Description: "With --scenario, writes a commented plan and the files beside it:\n" + about.String() +
			"With --from, reads a regsync.yml, a YAML file of skopeo sync, or the\n" +
			"additional images of an ImageSetConfiguration of oc-mirror, and prints a plan\n" +
			"that mirrors the same images. What is left out, and what the plan does in\n" +
			"another way, it says on standard error with the line. Passwords become\n" +
			"secrets, never text.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "scenario", Usage: "write a plan for `NAME`"},
			&cli.StringFlag{Name: "dir", Value: ".", Usage: "write the plan of --scenario into `DIR`"},
			&cli.StringFlag{Name: "from", Usage: "read `FILE`"},
			&cli.StringFlag{Name: "to", Usage: "mirror to `HOST` or HOST/PATH, if the file names none"},
			&cli.BoolFlag{Name: "scoped", Usage: "name images as skopeo sync --scoped does"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the plan of --from to a new `FILE`"},
		},
		Action: p.init,
	}
}

// init makes a plan of a scenario or of a file.
func (p *program) init(c *cli.Context) error {
	if !c.IsSet("scenario") {
		if c.IsSet("dir") {
			return commandline.Usage(errors.New("init: --dir goes with --scenario; the plan of --from goes to -o FILE"))
		}
		return p.convertList(c)
	}
	for _, name := range []string{"from", "to", "scoped", "output"} {
		if c.IsSet(name) {
			return commandline.Usage(fmt.Errorf("init: --%s does not go with --scenario", name))
		}
	}
	dir := c.String("dir")
	written, err := starter.Write(c.String("scenario"), dir)
	if err != nil {
		return commandline.Usage(err)
	}
	for _, name := range written {
		fmt.Fprintln(p.Stdout, filepath.Join(dir, name))
	}
	plans := starter.Plans(written)
	p.nextSteps(dir, plans)
	return nil
}

// nextSteps says what to do with a new plan.
func (p *program) nextSteps(dir string, plans []string) {
	flags := ""
	var files []string
	for _, name := range plans {
		file := filepath.Join(dir, name)
		if files = append(files, file); file != commandline.DefaultPlan {
			flags += " -f " + file
		}
	}
	fmt.Fprintf(p.Stderr, "next: set the variables at the top of %s; then\n  bayplan validate%s\n  bayplan rehearse%s\n", strings.Join(files, " and "), flags, flags)
	for _, f := range files {
		file := ""
		if f != commandline.DefaultPlan {
			file = " -f " + f
		}
		fmt.Fprintf(p.Stderr, "  bayplan doctor%s\n  bayplan diff%s\n  bayplan apply%s\n", file, file, file)
	}
}

// convertList converts the file that the flags name.
func (p *program) convertList(c *cli.Context) error {
	from, to := c.String("from"), c.String("output")
	switch {
	case from == "":
		return p.CommandError(fault.WithHint(errors.New("init: --scenario NAME or --from FILE is missing"), "there are the scenarios "+strings.Join(starter.Names(), ", ")))
	case to != "" && exists(to):
		return commandline.Usage(fmt.Errorf("write the plan to %s: it exists already", to))
	}
	var files outfile.Files
	files.Add("output", to)
	if err := files.Check(); err != nil {
		return commandline.Usage(err)
	}
	text, err := textfile.Read(c.Context, from, yamlguard.MaxBytes)
	if err != nil {
		return commandline.Usage(err)
	}
	made, err := convert.Convert(text, convert.Options{File: from, To: c.String("to"), Scoped: c.Bool("scoped")})
	for _, n := range made.Notes {
		place := from
		if n.Line > 0 {
			place = fmt.Sprintf("%s:%d", from, n.Line)
		}
		fmt.Fprintf(p.Stderr, "%s: %s\n", place, n.Text)
	}
	if err != nil {
		return commandline.Usage(err)
	}
	if to != "" {
		return durable.WriteBytes(to, 0o644, made.Plan)
	}
	_, err = p.Stdout.Write(made.Plan)
	return err
}
