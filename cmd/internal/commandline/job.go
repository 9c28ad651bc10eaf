package commandline

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
	"github.com/bayplan/bayplan/internal/ciformat"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/environ"
	"github.com/bayplan/bayplan/internal/fault"
)

// CIFlags returns the flags with which a command also writes what CI systems read.
func CIFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "ci", Usage: "also write for `SYSTEM`: github, gitlab or auto"},
		&cli.StringFlag{Name: "junit", Usage: "also write JUnit XML to `FILE`"},
	}
}

// A job is the job of a CI system in which a command runs.
type job struct {
	Job
	title  string // names the command
	system ciformat.System
	root   string // of the repository, "" if it is not known
	junit  string // file of the JUnit XML, or ""
	token  string // resumes the workflow commands of GitHub, "" elsewhere
	end    func(time.Time) string
}

// A Job says what a command tells a CI system.
type Job struct {
	Plans []string // the files of its plans

	// Summary says what was found, as Markdown; nil: as of a run.
	Summary func(context.Context, []ciformat.Problem) (string, error)
}

// InJob calls do, and also writes what CI systems read, if flags or the environment ask for it.
func (p *Program) InJob(c *cli.Context, of Job, do cli.ActionFunc) error {
	get := environ.Variables(p.Env).Get
	system, err := ciformat.Choose(c.String("ci"), get)
	if err != nil {
		return Usage(fmt.Errorf("--ci: %w", err))
	}
	if system == ciformat.None && c.String("junit") == "" {
		return do(c)
	}
	p.job = &job{Job: of, system: system, root: system.Root(get), junit: c.String("junit"), title: p.Name + " " + c.Command.Name}
	p.Found = &ci.Run{Program: p.Name, Command: c.Command.Name, Version: p.Version, Dir: p.Dir, Plans: of.Plans, Begun: time.Now()}
	p.Found.Clean = p.Stderr.cleanWhole
	p.beginJob()
	err = do(c)
	p.endJob(err)
	return errors.Join(err, p.writeJob(c.Context))
}

// beginJob begins the part of the log that can be folded. What follows may hold texts of
// others: GitHub is told to take none of them as a command.
func (p *Program) beginJob() {
	title := p.job.title
	switch p.job.system {
	case ciformat.GitHub:
		p.job.token = rand.Text()
		p.Stderr.commands(ciformat.Group(title), ciformat.StopCommands(p.job.token))
	case ciformat.GitLab:
		begin, end := ciformat.Section(title, title, p.Found.Begun)
		p.job.end = end
		_, _ = io.WriteString(p.Stderr.drawing(), begin) // an output that is gone is reported at the end
	case ciformat.None:
	}
}

// endJob ends the part that can be folded. The errors that follow are seen at once.
func (p *Program) endJob(err error) {
	if errors.Is(err, ErrChanges) {
		err = nil
	}
	p.Found.End(err, IsReported(err), time.Since(p.Found.Begun))
	switch p.job.system {
	case ciformat.GitHub:
		p.Stderr.commands(ciformat.Resume(p.job.token), ciformat.EndGroup, ciformat.StopCommands(p.job.token))
	case ciformat.GitLab:
		_ = p.Stdout.flush()
		_, _ = io.WriteString(p.Stderr.drawing(), p.job.end(time.Now()))
	case ciformat.None:
	}
}

// annotate prints what GitHub shows beside the lines of the plan, after all texts of others.
func (p *Program) annotate() {
	if p.job == nil || p.job.system != ciformat.GitHub {
		return
	}
	p.Stderr.commands(ciformat.Resume(p.job.token))
	for _, problem := range p.Found.Problems(p.job.root) {
		p.Stderr.commands(ciformat.Annotation(problem))
	}
}

// writeJob writes the files that the CI system reads.
func (p *Program) writeJob(ctx context.Context) error {
	job := p.job
	var errs []error
	if job.junit != "" {
		text, err := ciformat.JUnit(p.Found.Tests())
		if err == nil {
			err = durable.WriteBytes(job.junit, 0o644, text)
		}
		errs = append(errs, err)
	}
	switch job.system {
	case ciformat.GitHub:
		errs = append(errs, p.appendSummary(ctx, environ.Variables(p.Env).Get("GITHUB_STEP_SUMMARY")))
	case ciformat.GitLab:
		errs = append(errs, p.writeCodeQuality())
	case ciformat.None:
	}
	return errors.Join(errs...)
}

// writeCodeQuality adds what was found to the code quality report of the job.
func (p *Program) writeCodeQuality() error {
	file := filepath.Join(p.Dir, ciformat.CodeQualityFile)
	before, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := ciformat.CodeQuality(before, p.Found.Source(p.job.root), p.Found.Problems(p.job.root))
	if err != nil {
		return fault.WithHint(fmt.Errorf("write %s: %w", file, err), "remove the file, or let the job begin without it")
	}
	return durable.WriteBytes(file, 0o644, text)
}

// appendSummary appends to the page of the job. Other commands of the same step have
// written there before.
func (p *Program) appendSummary(ctx context.Context, file string) (err error) {
	if file == "" { // those who only take the commands have no such page
		return nil
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("append to the summary of the job: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	problems := p.Found.Problems(p.job.root)
	text := p.Found.Summary(problems)
	if p.job.Summary != nil {
		text, err = p.job.Summary(ctx, problems)
	}
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	return err
}
