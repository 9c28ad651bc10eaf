package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/loader"
	"github.com/bayplan/bayplan/cmd/internal/sitereport"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
)

// reportWait is how long a report may take to be sent.
const reportWait = 20 * time.Second

func reportToFlag() cli.Flag {
	return &cli.StringFlag{Name: "report-to", Usage: "send a report of the run to `TAG`, oci://HOST/NAME:TAG"}
}

// A siteRun is what --report-to wants to know of a run while it goes on.
type siteRun struct {
	to       sitereport.Place
	began    time.Time
	plan     loader.Plan // as far as it can be read
	session  *session    // nil as long as the plan may be wrong
	progress history.Progress
}

// withSiteReport makes an action that does what do does and sends the report that --report-to
// asks for, whatever came of it. That cannot change what came of it.
func (p *program) withSiteReport(mode runner.Mode, do cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if !c.IsSet("report-to") {
			return do(c)
		}
		to, err := sitereport.ParseSite(c.String("report-to"))
		if err != nil {
			return commandline.Usage(fmt.Errorf("--report-to: %w", err))
		}
		p.reports = []string{to.Host}
		p.reported = &siteRun{to: to, began: time.Now()}
		done := do(c)
		if errors.As(done, new(*runner.LockedError)) {
			return done // the run that holds the state sends one
		}
		if len(p.reported.plan.Conns.CheckRegistries(to.Host)) > 0 {
			return done // a rehearsal whose file does not name the registry; told with the mistakes of the plan
		}
		p.sendReport(c, p.reported.run(c, mode, done))
		return done
	}
}

// run describes the run that has ended with an error or nil.
func (r *siteRun) run(c *cli.Context, mode runner.Mode, done error) sitereport.Run {
	run := sitereport.Run{
		Site: r.to.Tag, Version: version(), Mode: mode, Only: c.StringSlice("only"), Skip: c.StringSlice("skip"),
		Began: r.began, Ended: time.Now(), ExitCode: commandline.CodeIn(c.Context, done), Err: done, Progress: &r.progress,
	}
	if read := r.plan.Parsed; read != nil {
		run.Plan, run.Texts = read.Name, sitereport.OwnTexts(read)
		if site := read.VarTexts(func(string) string { return "" })["site"]; site != "" {
			run.Site = site
		}
	}
	if r.session != nil {
		run.Lock = r.session.lockDigest(c)
	}
	return run
}

// sendReport keeps the report of a run in the state of its plan, and sends it. One that is
// not sent stays there for the next run. What goes wrong is told and has no other effect.
func (p *program) sendReport(c *cli.Context, run sitereport.Run) {
	d := run.Report()
	memory, err := p.reported.memory(c)
	if err == nil {
		err = memory.Keep(p.reported.to, &d, p.Secrets)
	}
	if err != nil {
		memory = nil
		if !errors.Is(err, errNoPlan) { // which is told
			p.PrintError(fmt.Errorf("the report of this run is not kept: %w", err))
		}
	}
	ctx := c.Context
	if ctx.Err() != nil {
		ctx = context.WithoutCancel(ctx)
	}
	notes, err := p.send(ctx, sitereport.Sending{Report: d, Memory: memory})
	for _, note := range notes {
		fmt.Fprintf(p.Stderr, "bayplan: %s\n", note)
	}
	switch {
	case err != nil && memory != nil:
		p.PrintError(fmt.Errorf("the report of this run waits for the next run, and is not sent to %s: %w", p.reported.to, err))
	case err != nil:
		p.PrintError(fmt.Errorf("the report of this run is not sent to %s: %w", p.reported.to, err))
	}
}

// errNoPlan says that a plan that cannot be read has no state.
var errNoPlan = errors.New("the plan cannot be read")

// memory reads what the state of the plan keeps of reports.
func (r *siteRun) memory(c *cli.Context) (*sitereport.Memory, error) {
	if r.plan.Parsed == nil {
		return nil, errNoPlan
	}
	return sitereport.Remember(stateDir(c, r.plan.Parsed), r.plan.Parsed.File)
}

// send sends a report within reportWait.
func (p *program) send(ctx context.Context, s sitereport.Sending) ([]string, error) {
	ctx, stop := context.WithTimeoutCause(ctx, reportWait, fmt.Errorf("%s has not taken it within %s", p.reported.to.Host, human.Duration(reportWait)))
	defer stop()
	conns := p.reported.plan.Conns.Alone(p.reported.to.Host, p.Secrets)
	if err := conns.Open(false); err != nil {
		return nil, errors.Join(err, conns.Close())
	}
	defer conns.Close()
	notes, err := sitereport.Sender{Client: conns.Registry(), To: p.reported.to, Secrets: p.Secrets}.Send(ctx, s)
	if ctx.Err() != nil && err != nil {
		err = context.Cause(ctx)
	}
	return notes, err
}

// sendWaiting sends the report of an earlier run that could not be sent, beside the run that
// begins. The caller calls what it returns when the run has ended.
func (p *program) sendWaiting(c *cli.Context) (end func()) {
	memory, err := p.reported.memory(c)
	if err != nil {
		return func() {} // told at the end
	}
	d, waits := memory.Waiting(p.reported.to)
	if !waits || p.reported.plan.Conns.IsEmbedded(p.reported.to.Host) { // the run itself may have its files
		return func() {}
	}
	ctx, cancel := context.WithCancel(c.Context)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = p.send(ctx, sitereport.Sending{Report: d, Memory: memory}) // the end of this run tells it
	}()
	return func() {
		cancel()
		<-done
	}
}
