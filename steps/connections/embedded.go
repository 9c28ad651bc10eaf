package connections

import (
	"io"
	"net/http"
	"sync"

	"github.com/bayplan/bayplan/runner"
)

// A service is an embedded registry or cloud. It locks its directory.
type service interface {
	http.Handler
	io.Closer
}

// asService keeps a nil pointer from becoming a service.
func asService[S service](s S, err error) (service, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// An embedded is a service that is opened by Open if a step is known to ask it, and at
// the first request otherwise.
type embedded struct {
	open func() (service, error)

	mu     sync.Mutex // several requests may be the first
	opened service
	err    error
}

func (e *embedded) get() (service, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.opened == nil && e.err == nil {
		e.opened, e.err = e.open()
	}
	return e.opened, e.err
}

// ServeHTTP answers a request.
func (e *embedded) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	s, err := e.get()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.ServeHTTP(w, req)
}

// Close closes the service if it is open.
func (e *embedded) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.opened == nil {
		return nil
	}
	return e.opened.Close()
}

// Need names the servers that the steps of a run ask. Open then leaves the embedded
// services alone that none of them asks. It is called before Open.
func (s *Set) Need(asked []runner.Asked) {
	s.needs = func(kind runner.ServerKind, name string) bool {
		u := s.usesOf(kind, name, asked)
		return u.used || u.late
	}
}

// embed adds an embedded service, and opens it if a step is known to ask it.
func (s *Set) embed(kind runner.ServerKind, name string, open func() (service, error)) (*embedded, error) {
	e := &embedded{open: open}
	s.mu.Lock() // a pattern's registries are opened during the run
	s.closers = append(s.closers, e)
	s.mu.Unlock()
	if s.needs != nil && !s.needs(kind, name) {
		return e, nil
	}
	_, err := e.get()
	return e, err
}
