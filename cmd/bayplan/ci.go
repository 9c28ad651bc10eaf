package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/ci"
	"github.com/bayplan/bayplan/cmd/internal/review"
	"github.com/bayplan/bayplan/internal/ciformat"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/environ"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
)

// ciFlags returns the flags with which a command also writes what CI systems read.
func ciFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "ci", Usage: "also write for `SYSTEM`: github, gitlab or auto"},
		&cli.StringFlag{Name: "junit", Usage: "also write JUnit XML to `FILE`"},
	}
}

// A ciJob is the job of a CI system in which a command runs.
type ciJob struct {
	system ciformat.System
	root   string // of the repository, "" if it is not known
	junit  string // file of the JUnit XML, or ""
	token  string // resumes the workflow commands of GitHub, "" elsewhere
	end    func(time.Time) string
	found  *ci.Run
}

// forCI makes the action of a command also write what CI systems read.
func (p *program) forCI(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := p.checkOutputs(c); err != nil {
			return err
		}
		system, err := ciformat.Choose(c.String("ci"), environ.Variables(p.env).Get)
		if err != nil {
			return usageError{fmt.Errorf("--ci: %w", err)}
		}
		if system == ciformat.None && c.String("junit") == "" {
			return action(c)
		}
		job := &ciJob{system: system, root: system.Root(environ.Variables(p.env).Get), junit: c.String("junit")}
		job.found = &ci.Run{Command: c.Command.Name, Version: version(), Dir: p.dir, Plans: planFiles(c), Begun: time.Now()}
		job.found.Clean = p.stderr.cleanWhole
		p.job, p.found = job, job.found
		p.beginJob(c)
		err = action(c)
		p.endJob(err)
		if written := p.writeJob(c.Context); written != nil {
			err = errors.Join(err, written)
		}
		return err
	}
}

// beginJob begins the part of the log that can be folded. What follows may hold texts of
// others: GitHub is told to take none of them as a command.
func (p *program) beginJob(c *cli.Context) {
	title := "bayplan " + c.Command.Name
	switch p.job.system {
	case ciformat.GitHub:
		p.job.token = rand.Text()
		p.stderr.commands(ciformat.Group(title), ciformat.StopCommands(p.job.token))
	case ciformat.GitLab:
		begin, end := ciformat.Section(title, title, p.job.found.Begun)
		p.job.end = end
		_, _ = io.WriteString(p.stderr.drawing(), begin) // an output that is gone is reported at the end
	case ciformat.None:
	}
}

// endJob ends the part that can be folded. The errors that follow are seen at once.
func (p *program) endJob(err error) {
	if errors.Is(err, errChanges) {
		err = nil
	}
	told := errors.As(err, new(reportedError))
	p.job.found.End(err, told, time.Since(p.job.found.Begun))
	switch p.job.system {
	case ciformat.GitHub:
		p.stderr.commands(ciformat.Resume(p.job.token), ciformat.EndGroup, ciformat.StopCommands(p.job.token))
	case ciformat.GitLab:
		_ = p.stdout.flush()
		_, _ = io.WriteString(p.stderr.drawing(), p.job.end(time.Now()))
	case ciformat.None:
	}
}

// annotate prints what GitHub shows beside the lines of the plan, after all texts of others.
func (p *program) annotate() {
	if p.job == nil || p.job.system != ciformat.GitHub {
		return
	}
	p.stderr.commands(ciformat.Resume(p.job.token))
	for _, problem := range p.job.found.Problems(p.job.root) {
		p.stderr.commands(ciformat.Annotation(problem))
	}
}

// writeJob writes the files that the CI system reads.
func (p *program) writeJob(ctx context.Context) error {
	job := p.job
	var errs []error
	if job.junit != "" {
		text, err := ciformat.JUnit(job.found.Tests())
		if err == nil {
			err = durable.WriteBytes(job.junit, 0o644, text)
		}
		errs = append(errs, err)
	}
	switch job.system {
	case ciformat.GitHub:
		errs = append(errs, p.appendSummary(ctx, environ.Variables(p.env).Get("GITHUB_STEP_SUMMARY")))
	case ciformat.GitLab:
		errs = append(errs, p.writeCodeQuality())
	case ciformat.None:
	}
	return errors.Join(errs...)
}

// writeCodeQuality adds what was found to the code quality report of the job.
func (p *program) writeCodeQuality() error {
	file := filepath.Join(p.dir, ciformat.CodeQualityFile)
	before, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := ciformat.CodeQuality(before, p.job.found.Source(p.job.root), p.job.found.Problems(p.job.root))
	if err != nil {
		return fault.WithHint(fmt.Errorf("write %s: %w", file, err), "remove the file, or let the job begin without it")
	}
	return durable.WriteBytes(file, 0o644, text)
}

// appendSummary appends to the page of the job. Other commands of the same step have
// written there before.
func (p *program) appendSummary(ctx context.Context, file string) (err error) {
	if file == "" { // those who only take the commands have no such page
		return nil
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("append to the summary of the job: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err := p.summary(ctx)
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	return err
}

// summaryLimit is how long the summary of a diff may be: GitHub takes 1 MiB for all commands
// of a step.
const summaryLimit = 256 << 10

// summary says what was found, as Markdown. Of a diff it is what reviewers read, too.
func (p *program) summary(ctx context.Context) (string, error) {
	problems := p.job.found.Problems(p.job.root)
	report := p.job.found.Reported()
	if report == nil || report.Mode != runner.ModeDiff {
		return p.job.found.Summary(problems), nil
	}
	of := p.job.found.Loaded().Plan
	d, err := p.reviewed(ctx, of, report)
	return review.Markdown(d, p.dir, summaryLimit) + "\n" + ci.List(problems), err
}
