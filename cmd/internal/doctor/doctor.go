// Package doctor looks, before any work, at what a plan needs from the world: whether its
// servers can be reached and trusted, its logins work, its files are there and its disks
// have room. It changes nothing. It knows plans and connections, but no step type and no
// terminal.
package doctor

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/connections"
)

// A Status says how bad a finding is.
type Status string

// All statuses.
const (
	OK   Status = "ok"
	Warn Status = "warn" // it works, but not for long or not for all
	Fail Status = "fail" // an apply fails, or would do what nobody wants
)

// A Finding is one thing that was looked at.
type Finding struct {
	Check   string `json:"check"`          // what was looked at, in a word: reach, tls, login, read, push, ...
	Status  Status `json:"status"`         // how it is
	Message string `json:"message"`        // what was found
	Hint    string `json:"hint,omitempty"` // what to do about it
}

// A Subject is a server, this host or its disks, with what was found.
type Subject struct {
	Name     string    `json:"name"`     // a server, the disks, or the host
	Findings []Finding `json:"findings"` // the checks, in order
}

// A Report is everything that was found.
type Report struct {
	Subjects []Subject `json:"subjects"` // what was looked at
	OK       int       `json:"ok"`       // findings of each status
	Warnings int       `json:"warnings"` // how many checks found what may become a problem
	Failed   int       `json:"failed"`   // how many checks failed
}

// Options say what to look at.
type Options struct {
	Graph    *runner.Graph
	Types    runner.Types
	Conns    *connections.Set // open, and read-only
	StateDir string           // of the plan
	Environ  []string         // as os.Environ gives it
	Version  string           // of bayplan
	Timeout  time.Duration    // of the checks of one server; 0: 15 s

	// Proxy gives the proxy for a request, nil for none; nil: that of the environment.
	Proxy func(*http.Request) (*url.URL, error)
	// Proc is where Linux shows processes; "": /proc.
	Proc string
}

const (
	atATime        = 8 // servers that are looked at beside each other
	defaultTimeout = 15 * time.Second
)

// A doctor examines one plan.
type doctor struct {
	Options
	paths  []stepPaths
	access func(path string, mode uint32) error // unix.Access

	mu     sync.Mutex // servers are looked at beside each other
	clocks []clock    // what the servers say the time is
}

// A stepPaths is what one step touches.
type stepPaths struct {
	step  *plan.Step
	paths runner.Paths
}

// A check looks at one subject. Its context ends when its time is over.
type check struct {
	name string
	look func(context.Context) []Finding
}

// Examine looks at everything that the plan needs. Its error is that ctx ended.
func Examine(ctx context.Context, o Options) (*Report, error) {
	d := newDoctor(o)
	checks := []check{{"this host", d.host}, {"disks", d.disks}}
	servers := d.servers()
	for _, s := range servers {
		checks = append(checks, check{s.title(), func(ctx context.Context) []Finding { return d.server(ctx, s) }})
	}
	found := make([]Subject, len(checks))
	var g errgroup.Group
	g.SetLimit(atATime)
	for i, c := range checks {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, d.Timeout)
			defer cancel()
			found[i] = Subject{c.name, c.look(ctx)}
			return nil
		})
	}
	_ = g.Wait()
	found[0].Findings = append(found[0].Findings, d.clock()...)
	return newReport(found), context.Cause(ctx)
}

func newDoctor(o Options) *doctor {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
	if o.Proc == "" {
		o.Proc = "/proc"
	}
	d := &doctor{Options: o, access: unix.Access}
	for step, paths := range runner.PathsOf(o.Graph.Plan, o.Types) {
		d.paths = append(d.paths, stepPaths{step, paths})
	}
	return d
}

// newReport leaves out the subjects about which there is nothing to say.
func newReport(found []Subject) *Report {
	r := &Report{Subjects: []Subject{}}
	for _, s := range found {
		if len(s.Findings) == 0 {
			continue
		}
		r.Subjects = append(r.Subjects, s)
		for _, f := range s.Findings {
			switch f.Status {
			case OK:
				r.OK++
			case Warn:
				r.Warnings++
			case Fail:
				r.Failed++
			}
		}
	}
	return r
}
