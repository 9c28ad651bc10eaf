package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/workflow"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/follow"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/wire"
	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

func (p *program) runCommand() *cli.Command {
	return &cli.Command{
		Name: "run", Usage: "start the run of a plan, or join it, and show it",
		Description: "Ctrl-C ends what is shown, and not the run: it goes on while a worker with\n" +
			"--runs is there, or this command. \"cancel\" ends the run.",
		Flags:  runFlags(),
		Action: p.runPlan,
	}
}

// build reads the plan of the flags and makes its run. All that is wrong here is wrong before
// anything is run. What could be read of the plan is given with an error, too.
func (p *program) build(c *cli.Context) (*request.Built, error) {
	values, err := p.Values(c)
	if err != nil {
		return nil, err
	}
	if err := request.CheckSite(c.String("centre")); err != nil {
		return nil, commandline.Usage(fmt.Errorf("--centre: %w", err))
	}
	if c.IsSet("max-failures") && (c.Int("max-failures") < 0 || len(c.StringSlice("wave")) == 0) {
		return nil, commandline.Usage(errors.New("--max-failures N stops further waves: it needs --wave, and N of 0 or more"))
	}
	if c.Duration("silence") < 5*time.Second || c.Duration("patience") < time.Second {
		return nil, commandline.Usage(errors.New("--silence is at least 5s, and --patience at least 1s"))
	}
	run, err := request.Build(c.Context, request.Options{
		Version: version(), File: c.String("file"), Values: values, Centre: c.String("centre"), Locked: c.Bool("locked"),
		Waves: c.StringSlice("wave"), MaxFailures: c.Int("max-failures"), Silence: c.Duration("silence"), Patience: c.Duration("patience"),
	})
	if err != nil {
		return run, commandline.Usage(err)
	}
	p.Found.Load(run.Read.Graph)
	p.Warn(run.Read.Warnings)
	return run, nil
}

// runPlan is the action of run.
func (p *program) runPlan(c *cli.Context) error {
	if err := p.CheckOutputs(c); err != nil {
		return err
	}
	return p.InJob(c, commandline.Job{Plans: []string{c.String("file")}}, func(c *cli.Context) error {
		return p.Measure(c, runner.ModeApply, func(m *commandline.Measurement) error { return p.startAndShow(c, m) })
	})
}

// startAndShow starts the run of a plan, or joins it, and shows it until it has ended.
func (p *program) startAndShow(c *cli.Context, m *commandline.Measurement) error {
	run, err := p.build(c)
	if m != nil && run != nil && run.Read != nil && run.Read.Parsed != nil {
		m.Plan = run.Read.Parsed.Name
	}
	if err != nil {
		return err
	}
	_, host := runner.UserAndHost()
	connected, err := p.dial(c, fmt.Sprintf("run on %s (%d)", host, os.Getpid()))
	if err != nil {
		return err
	}
	defer connected.Close()
	of, err := p.start(c.Context, connected, run)
	if err != nil {
		return err
	}
	stop, err := startRuns(connected)
	if err != nil {
		return err
	}
	defer stop()
	s := &showing{program: p, measured: m, graph: run.Read.Graph, steps: run.Steps}
	return s.show(c, &follow.Follower{Server: connected, Run: run.Run, Version: run.Packed.Head.Version, Of: of, Tell: p.Tell})
}

// An openError says that a run of the plan is open that is another one.
type openError struct{ plan, since string }

// Error says since when it is open.
func (e *openError) Error() string {
	return fmt.Sprintf("a run of plan %s is open since %s, and it began with another plan, other values or other flags", e.plan, e.since)
}

// Code returns the exit code.
func (e *openError) Code() int { return exitcode.Locked }

// Hint says what to do.
func (e *openError) Hint() string {
	return "wait until it has ended, or end it with: bayplan-temporal cancel -f PLAN"
}

// start starts a run, or joins the open one if it is the same.
func (p *program) start(ctx context.Context, server *wire.Wire, run *request.Built) (workflow.Execution, error) {
	of, err := server.Start(ctx, run.Plan, run.Packed)
	var open *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case errors.As(err, &open):
		return p.join(ctx, server, run, workflow.Execution{ID: of.ID, RunID: open.RunId})
	case err != nil:
		return of, fmt.Errorf("start the run: %w", err)
	}
	return of, nil
}

// join finds out whether the open run is the same one.
func (p *program) join(ctx context.Context, server *wire.Wire, run *request.Built, of workflow.Execution) (workflow.Execution, error) {
	d, err := server.DescribeWorkflowExecution(ctx, of.ID, of.RunID)
	if err != nil {
		return of, fmt.Errorf("look at the open run: %w", err)
	}
	info := d.GetWorkflowExecutionInfo()
	since := info.GetStartTime().AsTime().Local().Format(time.DateTime)
	digest, err := server.DigestOf(info.GetMemo())
	if err != nil {
		return of, fmt.Errorf("look at the open run: %w", err)
	}
	if digest != run.Packed.Head.Digest() {
		return of, &openError{run.Plan, since}
	}
	p.Tell("joined the run that is open since " + since)
	return of, nil
}

func (p *program) cancelCommand() *cli.Command {
	return &cli.Command{
		Name: "cancel", Usage: "end the open run of a plan",
		Description: "No further step begins. Those that run are stopped and save their state.",
		Flags:       planFlags(),
		Action:      p.cancel,
	}
}

// cancel is the action of cancel. The plan is read for its name only.
func (p *program) cancel(c *cli.Context) error {
	values, err := p.Values(c)
	if err != nil {
		return err
	}
	read, mistakes := plan.Load(c.Context, c.String("file"), values)
	if read == nil || read.Name == "" {
		return mistakes.Err()
	}
	connected, err := p.dial(c, "cancel")
	if err != nil {
		return err
	}
	defer connected.Close()
	id := flow.WorkflowID(read.Name)
	d, err := connected.DescribeWorkflowExecution(c.Context, id, "")
	if missing := (*serviceerror.NotFound)(nil); errors.As(err, &missing) || err == nil && d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return fmt.Errorf("no run of plan %s is open", read.Name)
	}
	if err == nil {
		err = connected.CancelWorkflow(c.Context, id, d.GetWorkflowExecutionInfo().GetExecution().GetRunId())
	}
	if err != nil {
		return fmt.Errorf("cancel the run of plan %s: %w", read.Name, err)
	}
	fmt.Fprintf(p.Stdout, "the run of plan %s is asked to end\n", read.Name)
	return nil
}
