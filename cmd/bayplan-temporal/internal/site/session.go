package site

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bayplan/bayplan/cmd/bayplan-temporal/internal/request"
	"github.com/bayplan/bayplan/cmd/internal/loader"
	"github.com/bayplan/bayplan/internal/claims"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/connections"
)

// A session is an open plan: its state is locked and its connections are open. All steps of a run
// that work at the same time share it. When the last one leaves, it is closed, so that bayplan
// apply can go on here while no step works.
type session struct {
	run    *request.Bundle
	users  int
	ready  chan struct{} // closed when the session is open, or could not be opened
	leave  chan struct{} // closed when the last user has left
	closed chan struct{} // closed when all is closed

	loaded *loader.Plan
	store  *runner.Store
	err    error // of opening, and then of closing
}

// A claimsOfRun holds what the steps of one run have filled.
type claimsOfRun struct {
	run   string
	table *claims.Table
}

// enter opens the session of a run, or joins the open one.
func (s *Site) enter(ctx context.Context, run *request.Bundle) (*session, error) {
	for {
		s.mu.Lock()
		if s.sessions == nil {
			s.sessions = map[string]*session{}
		}
		open := s.sessions[run.Plan]
		switch {
		case open == nil:
			open = &session{run: run, ready: make(chan struct{}), leave: make(chan struct{}), closed: make(chan struct{})}
			s.sessions[run.Plan] = open
			go s.serve(context.WithoutCancel(ctx), open)
			fallthrough
		case open.users > 0 && open.run.Digest == run.Digest:
			open.users++
			s.mu.Unlock()
			<-open.ready
			if open.err != nil {
				return nil, errors.Join(open.err, s.exit(open))
			}
			return open, nil
		}
		s.mu.Unlock()
		select {
		case <-open.closed: // it closes, or is of another run
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
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
	failed := open.err
	close(open.leave)
	<-open.closed
	if failed != nil {
		return nil // enter returns it
	}
	return open.err
}

// serve opens a session, waits until all have left, and closes it.
func (s *Site) serve(ctx context.Context, open *session) {
	opened := false
	err := s.open(ctx, open, func() error {
		opened = true
		close(open.ready)
		<-open.leave
		return nil
	})
	open.err = err
	if !opened {
		close(open.ready)
		<-open.leave
	}
	s.mu.Lock()
	delete(s.sessions, open.run.Plan)
	s.mu.Unlock()
	close(open.closed)
}

// open writes the plan's files, loads the plan and opens its state and connections for use.
func (s *Site) open(ctx context.Context, open *session, use func() error) error {
	run := open.run
	file, err := s.write(run)
	if err != nil {
		return err
	}
	loaded, errs := loader.Load(ctx, file, s.options(run))
	if err := errs.Err(); err != nil {
		return err
	}
	open.loaded = loaded
	if open.store, err = runner.OpenStore(s.stateDir(loaded.Parsed), file); err != nil {
		return err
	}
	return loader.Opening{
		Conns: loaded.Conns, Store: open.store,
		TagLock: func() (*connections.TagLock, error) {
			tags, err := connections.ReadTagLock(s.lockFile(file))
			if err == nil {
				tags.Strict = run.Locked
				loaded.Conns.UseTagLock(tags)
			}
			return tags, err
		},
	}.Do(use)
}

// lockFile returns the lock file of a plan file, "" for none: with other connections the tags are
// those of other registries.
func (s *Site) lockFile(file string) string {
	if s.Connections != "" {
		return ""
	}
	return lockfile.Of(file)
}

func (s *Site) stateDir(p *plan.Plan) string {
	if s.StateDir == "" {
		return runner.StateDir(p)
	}
	return filepath.Join(s.StateDir, p.Name)
}

func (s *Site) options(run *request.Bundle) plan.Options {
	o := plan.Options{Vars: run.Vars, Environ: run.Environ, Centre: run.Centre, Connections: s.Connections, Redactor: s.Secrets}
	for _, name := range run.VarFiles {
		o.VarFiles = append(o.VarFiles, filepath.Join(s.dir(run.Plan), filepath.FromSlash(name)))
	}
	return o
}

// claims returns what the steps of a run have filled here. Those of the run before are forgotten.
func (s *Site) claims(plan, run string) *claims.Table {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.memories == nil {
		s.memories = map[string]*claimsOfRun{}
	}
	if m := s.memories[plan]; m == nil || m.run != run {
		s.memories[plan] = &claimsOfRun{run, &claims.Table{}}
	}
	return s.memories[plan].table
}

// Lock makes this worker the only one that works for its site in its folder. Close of the file
// ends that, and so does the end of the process.
func (s *Site) Lock() (*os.File, error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	return lock(filepath.Join(s.Dir, ".worker-"+s.Name+".lock"), fmt.Sprintf("a worker of site %s already runs in %s", s.Name, s.Dir))
}
