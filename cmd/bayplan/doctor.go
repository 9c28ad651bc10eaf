package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/doctor"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/steps"
)

func (p *program) doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "check servers, logins, files and disks before any work",
		Description: "Looks at what the plan needs: whether its servers can be reached, their\n" +
			"certificates, logins, rights to read and to push, pulls that are left,\n" +
			"clocks, proxies, files, room on disks, who listens on ports of this host.\n" +
			"Each problem has a hint. Changes nothing. Exits with 1 if a check fails.",
		Flags: append(planFlags(), stateFlag(),
			&cli.DurationFlag{Name: "timeout", Value: 15 * time.Second, Usage: "wait at most `TIME` for each server"},
			commandline.JSONFlag(),
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print only what is not in order"}),
		Action: p.doctor,
	}
}

// doctor examines what the plan needs and prints what it has found.
func (p *program) doctor(c *cli.Context) (err error) {
	if c.Duration("timeout") <= 0 {
		return commandline.Usage(errors.New("--timeout must be more than 0"))
	}
	s, err := p.load(c)
	if err != nil {
		return err
	}
	s.conns.Need(nil) // embedded services are not opened: they have nothing that may be missing
	s.conns.TolerateBrokenFiles()
	defer func() { err = errors.Join(err, s.conns.Close()) }()
	if err := s.conns.Open(true); err != nil {
		return err
	}
	report, err := doctor.Examine(c.Context, doctor.Options{
		Graph: s.graph, Types: steps.Builtin(s.conns), Conns: s.conns,
		StateDir: s.stateDir(c), Environ: p.Env, Version: version(), Timeout: c.Duration("timeout"),
	})
	if err != nil {
		return err
	}
	if c.Bool("json") {
		err = p.PrintDocument(document.Doctor{Report: *report})
	} else {
		err = report.Write(view.NewRelativePaths(p.Stdout, p.Dir), c.Bool("quiet"))
	}
	if err == nil && report.Failed > 0 {
		err = commandline.ShownByView(fmt.Errorf("%s", human.Count(report.Failed, "check failed", "checks failed")))
	}
	return err
}
