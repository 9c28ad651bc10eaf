package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/ci"
	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/review"
	"github.com/bayplan/bayplan/internal/ciformat"
	"github.com/bayplan/bayplan/runner"
)

// forCI makes the action of a command also write what CI systems read.
func (p *program) forCI(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := p.CheckOutputs(c); err != nil {
			return err
		}
		return p.InJob(c, commandline.Job{Plans: planFiles(c), Summary: p.summary}, action)
	}
}

// summaryLimit is how long the summary of a diff may be: GitHub takes 1 MiB for all commands
// of a step.
const summaryLimit = 256 << 10

// summary says what was found, as Markdown. Of a diff it is what reviewers read, too.
func (p *program) summary(ctx context.Context, problems []ciformat.Problem) (string, error) {
	report := p.Found.Reported()
	if report == nil || report.Mode != runner.ModeDiff {
		return p.Found.Summary(problems), nil
	}
	of := p.Found.Loaded().Plan
	d, err := p.reviewed(ctx, of, report)
	return review.Markdown(d, p.Dir, summaryLimit) + "\n" + ci.List(problems), err
}
