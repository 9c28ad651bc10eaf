package site

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/flow"
	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/cmd/internal/loader"
	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/history"
	"github.com/bayplan/bayplan/steps/connections"
)

// A session is an open plan in a run: its state is locked, its connections are open, and one Session
// of the runner does the steps. All steps of the run that work at the same time share it. When the
// last one leaves, it is closed, so that bayplan apply can go on here while no step works.
type session struct {
	run    string // of the workflow
	bundle *request.Bundle
	users  int
	leave  context.CancelFunc // called when the last user has left
	ready  chan struct{}      // closed when the session is open, or could not be opened
	closed chan struct{}      // closed when all is closed
	err    error              // of opening, and then of closing

	loaded *loader.Plan
	store  *runner.Store
	steps  *runner.Session

	records  map[string]runner.Outputs // of the steps of this site
	attempts map[string]*attempt       // that get the events of steps
}

// enter opens the session of a run, or joins the open one.
func (s *Site) enter(ctx context.Context, run string, bundle *request.Bundle) (*session, error) {
	for {
		s.mu.Lock()
		open := s.sessions[bundle.Plan]
		joined := open == nil || open.run == run && open.users > 0
		if open == nil {
			open = s.newSession(ctx, run, bundle)
		}
		if joined {
			open.users++
		}
		s.mu.Unlock()
		if joined {
			return s.opened(ctx, open)
		}
		select {
		case <-open.closed: // it closes, or is of another run
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// newSession begins to open a session. The caller holds mu.
func (s *Site) newSession(ctx context.Context, run string, bundle *request.Bundle) *session {
	ctx, leave := context.WithCancel(context.WithoutCancel(ctx))
	open := &session{
		run: run, bundle: bundle, leave: leave, ready: make(chan struct{}), closed: make(chan struct{}),
		records: map[string]runner.Outputs{}, attempts: map[string]*attempt{},
	}
	if s.sessions == nil {
		s.sessions = map[string]*session{}
	}
	s.sessions[bundle.Plan] = open
	go s.serve(ctx, open)
	return open
}

// opened waits until a session is open, or leaves it.
func (s *Site) opened(ctx context.Context, open *session) (*session, error) {
	select {
	case <-open.ready:
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), s.exit(open))
	}
	if open.steps != nil {
		return open, nil
	}
	if err := s.exit(open); err != nil {
		return nil, err
	}
	<-open.closed
	return nil, open.err
}

// exit leaves a session. The last one waits until it is closed, and gets the error of that.
func (s *Site) exit(open *session) error {
	s.mu.Lock()
	open.users--
	last := open.users == 0
	s.mu.Unlock()
	if !last {
		return nil
	}
	open.leave()
	<-open.closed
	return open.err
}

// serve opens a session, waits until all have left, and closes it.
func (s *Site) serve(ctx context.Context, open *session) {
	open.err = s.open(ctx, open, func() error { return s.use(ctx, open) })
	if open.steps == nil {
		close(open.ready)
	}
	s.mu.Lock()
	delete(s.sessions, open.bundle.Plan)
	s.mu.Unlock()
	close(open.closed)
}

// open writes the plan's files, loads the plan and opens its state and connections for use.
func (s *Site) open(ctx context.Context, open *session, use func() error) error {
	file, values, err := s.write(open.bundle)
	if err != nil {
		return err
	}
	b := open.bundle
	options := plan.Options{VarFiles: values, Centre: b.Centre, Connections: s.Connections, Redactor: s.Secrets}
	loaded, errs := loader.Load(ctx, file, options)
	if err := errs.Err(); err != nil {
		return err
	}
	open.loaded = loaded
	if err := s.writeCommand(open, file, values); err != nil {
		return err
	}
	if open.store, err = runner.OpenStore(s.stateDir(loaded.Parsed), file); err != nil {
		return err
	}
	return loader.Opening{
		Conns: loaded.Conns, Store: open.store,
		TagLock: func() (*connections.TagLock, error) {
			tags, err := connections.ReadTagLock(s.lockFile(file))
			if err == nil {
				tags.Strict = b.Locked
				loaded.Conns.UseTagLock(tags)
			}
			return tags, err
		},
	}.Do(use)
}

// use does the steps that are asked for, until all have left.
func (s *Site) use(ctx context.Context, open *session) error {
	graph := open.loaded.Graph
	info := history.Info{
		Plan: graph.Plan.Name, Mode: runner.ModeApply, Began: time.Now(), Run: open.run, Command: runner.CommandLine(), Version: s.Version,
		Only: s.own(graph), Steps: history.StepsOf(graph), Texts: graph.Plan.Texts(), Lock: digestOf(s.lockFile(graph.Plan.File)),
	}
	if len(info.Only) == 0 {
		return fmt.Errorf("the plan has no step at site %s", s.Name)
	}
	for _, id := range info.Only {
		if rec := open.store.Record(id); rec != nil && !rec.Given {
			open.records[id] = rec.Outputs
		}
	}
	log, err := history.Begin(open.store, info, graph.Plan.Redactor)
	if err != nil {
		return err
	}
	r := &runner.Runner{
		Graph: graph, Store: open.store, Only: info.Only, Before: log.Before(),
		Observe: runner.FanOut(log.Observe, func(e runner.Event) { s.observe(open, e) }),
	}
	steps, err := r.Session()
	if err != nil {
		return errors.Join(err, log.Close())
	}
	open.steps = steps
	close(open.ready)
	<-ctx.Done()
	steps.End()
	return log.Close()
}

// own returns the steps of this site.
func (s *Site) own(graph *runner.Graph) []string {
	var own []string
	for _, n := range graph.Nodes {
		if n.Step.Site == s.Name {
			own = append(own, n.ID())
		}
	}
	return own
}

// watch has the events of a step go to an attempt.
func (s *Site) watch(open *session, step string, a *attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	open.attempts[step] = a
}

// observe hands on an event, one at a time.
func (s *Site) observe(open *session, e runner.Event) {
	s.mu.Lock()
	a := open.attempts[e.Step]
	s.mu.Unlock()
	if a != nil {
		a.observe(e)
	}
	if s.Observe != nil {
		s.observed.Lock()
		defer s.observed.Unlock()
		s.Observe(e)
	}
}

// remember keeps the outputs with which a step has ended, as its record has them, and returns their
// digest.
func (s *Site) remember(open *session, step string, outputs runner.Outputs) string {
	outputs = runner.RedactEvent(s.Secrets, runner.Event{Outputs: outputs}).Outputs
	s.mu.Lock()
	open.records[step] = outputs
	s.mu.Unlock()
	return s.recorded(open, step)
}

// recorded returns the digest of the outputs of a step in the state here.
func (s *Site) recorded(open *session, step string) string {
	s.mu.Lock()
	outputs := open.records[step]
	s.mu.Unlock()
	if outputs == nil {
		outputs = runner.Outputs{}
	}
	return flow.RecordOf(outputs)
}

// lockFile returns the lock file of a plan file, "" for none: with other connections the tags are
// those of other registries.
func (s *Site) lockFile(file string) string {
	if s.Connections != "" {
		return ""
	}
	return lockfile.Of(file)
}

// digestOf returns the digest of a file, "" if there is none.
func digestOf(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return checksum.SHA256(b)
}

func (s *Site) stateDir(p *plan.Plan) string {
	if s.StateDir == "" {
		return runner.StateDir(p)
	}
	return filepath.Join(s.StateDir, p.Name)
}
