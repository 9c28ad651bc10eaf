package main

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/exitcode"
)

// A program is one run of the command line.
type program struct {
	*commandline.Program
	measured *commandline.Measurement // what --metrics asks for; nil: nothing
	reports  []string                 // the host of the registry of reports, if there is one
	reported *siteRun                 // what --report-to asks for; nil: nothing
	compared *document.Base           // what diff --base compares with; nil: nothing
}

// newProgram makes a program that writes to stdout and stderr and to nothing else.
func newProgram(stdout, stderr io.Writer) *program {
	return &program{Program: commandline.New("bayplan", version(), stdout, stderr)}
}

// about says what the program does.
const about = `A plan (by default bayplan.yaml) names the disk images and container images
that a cloud needs and where they must be. "diff" shows what is missing,
"apply" puts it there. A second apply changes nothing. An apply after a crash
continues where the first one stopped.`

// app builds the command line interface with all commands.
func (p *program) app() *cli.App {
	app := &cli.App{
		Usage:       "bring images to where a plan says they must be",
		Description: about + "\n\nExit codes:\n" + exitcode.Help(exitcode.Meanings()),
		Commands: []*cli.Command{
			p.initCommand(),
			p.validateCommand(),
			p.doctorCommand(),
			p.rehearseCommand(),
			p.diffCommand(),
			p.showCommand(),
			p.applyCommand(),
			p.verifyCommand(),
			p.lockCommand(),
			p.inventoryCommand(),
			p.statusCommand(),
			p.historyCommand(),
			p.reportCommand(),
			p.whyCommand(),
			p.graphCommand(),
			p.explainCommand(),
			p.explainImagesCommand(),
			p.schemaCommand(),
			p.serveCommand(),
			p.VersionCommand(),
			p.completionCommand(),
			p.ManCommand("bayplan-apply"),
		},
	}
	p.Configure(app)
	return app
}

// run executes a command line and returns its exit code.
func (p *program) run(args []string) int {
	ctx, stop := p.Signals(context.Background())
	defer stop()
	app := p.app()
	if last := len(args) - 1; last > 0 && args[last] == completeFlag {
		p.complete(app, args[1:last])
		return exitcode.Done
	}
	return p.Execute(ctx, commandline.Line{App: app, Args: args, Document: documentOf})
}

// documentOf returns the name of the document that a command with some flags prints.
func documentOf(cmd *cli.Command, flags []string) document.Name {
	switch cmd.Name {
	case "apply", "verify":
		return document.EventsName
	case "show":
		return document.DiffName
	case "status":
		if slices.ContainsFunc(flags, func(f string) bool { return strings.HasPrefix(strings.TrimLeft(f, "-"), "reports-from") }) {
			return document.SitesName
		}
	}
	return document.Name(cmd.Name)
}
