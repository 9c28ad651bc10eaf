package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/exitcode"
)

// A program is one run of the command line.
type program struct{ *commandline.Program }

func newProgram(stdout, stderr io.Writer, env []string) *program {
	p := &program{commandline.New("bayplan-temporal", version(), stdout, stderr)}
	p.Env = env
	return p
}

// release is the version of a release. The linker sets it in make release.
var release string

// version returns the version that the binary was built from.
func version() string { return commandline.VersionOf(release) }

const about = `A worker at each site does the steps whose site it is; a step without a
site is done at the centre. "run" starts the run of a plan or joins the one
that is open, and shows it as "bayplan apply" does. Secrets are read by each
worker at its site, and never travel.`

func (p *program) app() *cli.App {
	app := &cli.App{
		Usage:       "carry out a plan over many sites, with Temporal",
		Description: about + "\n\nExit codes:\n" + exitcode.Help(exitcode.OfSites()),
		Commands: []*cli.Command{
			p.workerCommand(),
			p.runCommand(),
			p.cancelCommand(),
			p.VersionCommand(),
			p.ManCommand("bayplan-temporal-run"),
		},
	}
	p.Configure(app)
	return app
}

// run executes the command line of the process and returns its exit code. The first signal ends
// it cleanly, the second one at once.
func (p *program) run(args []string) int {
	ctx, stop := p.Signals(context.Background())
	defer stop()
	return p.execute(ctx, args)
}

// execute executes a command line and returns its exit code.
func (p *program) execute(ctx context.Context, args []string) int {
	return p.Execute(ctx, commandline.Line{App: p.app(), Args: args, Document: documentOf})
}

// documentOf returns the name of the document that a command prints.
func documentOf(cmd *cli.Command, _ []string) document.Name {
	if cmd.Name == "run" {
		return document.EventsName
	}
	return document.Name(cmd.Name)
}
