package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/follow"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/site"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/wire"
	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// stopWait is how long a worker that stops waits for its steps, which save their state.
const stopWait = 30 * time.Second

func (p *program) workerCommand() *cli.Command {
	return &cli.Command{
		Name: "worker", Usage: "do the steps of one site, until it is stopped",
		Description: "Keeps each plan with its state in DIR/PLAN. While the worker is away,\n" +
			"the script DIR/PLAN/.worker/apply goes on there.",
		Flags:  workerFlags(),
		Action: p.work,
	}
}

// work is the action of worker.
func (p *program) work(c *cli.Context) error {
	s, err := p.site(c)
	if err != nil {
		return err
	}
	lock, err := s.Lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	if s.Server, err = p.reach(c, s.Identity); err != nil {
		return err
	}
	defer s.Server.Close()
	ctx, fatal := context.WithCancelCause(c.Context)
	defer fatal(nil)
	stop, err := startSite(s, c.Int("parallel"), fatal)
	if err != nil {
		return err
	}
	defer stop()
	if c.Bool("runs") {
		stop, err := startRuns(s.Server)
		if err != nil {
			return err
		}
		defer stop()
	}
	p.Tell(fmt.Sprintf("%s works for site %s in %s, with the server %s", version(), s.Name, s.Dir, c.String("address")))
	p.watchOthers(ctx, s)
	if c.Context.Err() == nil { // the library has stopped to ask for steps
		return fmt.Errorf("the server takes this worker no more: %w", context.Cause(ctx))
	}
	return nil
}

// site makes the site of the flags.
func (p *program) site(c *cli.Context) (*site.Site, error) {
	name := c.String("site")
	if name == "" {
		return nil, commandline.Usage(errors.New("worker needs --site NAME"))
	}
	if err := request.CheckSite(name); err != nil {
		return nil, commandline.Usage(err)
	}
	if c.Int("parallel") < 1 {
		return nil, commandline.Usage(fmt.Errorf("--parallel %d: at least one step must run", c.Int("parallel")))
	}
	s := &site.Site{Name: name, Version: version(), Secrets: p.Secrets, Observe: p.told, Tell: p.Tell}
	for flag, to := range map[string]*string{"dir": &s.Dir, "state-dir": &s.StateDir, "connections": &s.Connections} {
		if c.String(flag) == "" {
			continue
		}
		abs, err := filepath.Abs(c.String(flag))
		if err != nil {
			return nil, err
		}
		*to = abs
	}
	_, host := runner.UserAndHost()
	s.Identity = identity(name, host, s.Dir)
	return s, nil
}

// identity returns what the server calls a worker. It stays the same when the worker starts again,
// and differs between two workers of one site.
func identity(site, host, dir string) string {
	sum := sha256.Sum256([]byte(host + "\x00" + dir))
	return fmt.Sprintf("%s on %s (%s)", site, host, hex.EncodeToString(sum[:4]))
}

// told prints what becomes of steps here.
func (p *program) told(e runner.Event) {
	switch {
	case e.Kind == runner.StepBegin:
		fmt.Fprintf(p.Stdout, "%s: begun\n", e.Step)
	case e.Kind == runner.StepEnd && e.Error != "":
		fmt.Fprintf(p.Stdout, "%s: %s: %s\n", e.Step, e.Status, human.Line(e.Error))
	case e.Kind == runner.StepEnd:
		fmt.Fprintf(p.Stdout, "%s: %s in %.1fs\n", e.Step, e.Status, e.Took)
	}
}

// startSite begins to take the steps of a site. fatal is called when the server refuses the worker for
// good.
func startSite(s *site.Site, parallel int, fatal func(error)) (stop func(), err error) {
	w := worker.New(s.Server.Client, flow.SiteQueue(s.Name), worker.Options{
		Identity: s.Identity, DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: parallel,
		WorkerStopTimeout: stopWait, MaxHeartbeatThrottleInterval: 2 * time.Second, OnFatalError: fatal,
	})
	w.RegisterActivityWithOptions(s.Step, activity.RegisterOptions{Name: flow.ActivityName})
	return w.Stop, w.Start()
}

// startRuns begins to advance runs.
func startRuns(server *wire.Wire) (stop func(), err error) {
	var started []worker.Worker
	stop = func() {
		for _, w := range started {
			w.Stop()
		}
	}
	for _, queue := range server.Queues() {
		w := worker.New(server.Client, queue, worker.Options{DisableRegistrationAliasing: true, DeadlockDetectionTimeout: flow.ComputeTime})
		w.RegisterWorkflowWithOptions(flow.Run, workflow.RegisterOptions{Name: flow.WorkflowName})
		if err := w.Start(); err != nil {
			stop()
			return nil, err
		}
		started = append(started, w)
	}
	return stop, nil
}

// watchOthers tells of other workers of the same site, and of a server that does not answer, until ctx
// ends.
func (p *program) watchOthers(ctx context.Context, s *site.Site) {
	told, failed := map[string]bool{}, ""
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		others, err := follow.WorkersOf(ctx, s.Server, s.Name)
		if failed = p.answers(ctx, err, failed); failed != "" {
			others = nil
		}
		for _, other := range others {
			if other != s.Identity && !told[other] {
				told[other] = true
				p.Tell(fmt.Sprintf("another worker takes steps of site %s: %s; this one is %s: the two have two states", s.Name, other, strings.TrimSpace(s.Identity)))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// answers tells when the server does not answer, by each error once, and when it does again. failed is
// the error before, "" for none.
func (p *program) answers(ctx context.Context, err error, failed string) string {
	switch {
	case ctx.Err() != nil:
		return failed
	case err == nil && failed != "":
		p.Tell("the server answers again")
	case err != nil && err.Error() != failed:
		p.Tell("the server does not answer: " + err.Error())
	}
	if err == nil {
		return ""
	}
	return err.Error()
}
