// Package registry is the container registry that bayplan carries with it:
// olareg, in memory or in a directory, with the _catalog that olareg lacks,
// and an upstream whose small images are generated when they are asked for.
// Rehearsals, examples, tests and `bayplan serve` use the same one. It knows
// nothing of plans, steps or who calls it.
package registry

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/olareg/olareg"
	"github.com/olareg/olareg/config"
	"github.com/olareg/olareg/types"

	"github.com/bayplan/bayplan/internal/fault"
)

// A Config says how a Registry is set up. Its zero value is an empty registry
// in memory.
type Config struct {
	// Dir is the directory that holds the repositories, as OCI layouts; ""
	// keeps them in memory. One process at a time may write to it.
	Dir string
	// ReadOnly shows what Dir holds, takes no lock, writes nothing and refuses
	// every push. A missing Dir is an empty registry.
	ReadOnly bool

	// Images are served besides, generated when they are asked for and never
	// stored; nothing can be pushed to their repositories. With Images and
	// without a Dir, nothing can be pushed at all.
	Images []Image

	// NoDelete refuses to delete anything.
	NoDelete bool

	// User and Password, where given, are asked of everybody (basic auth).
	User, Password string
	// Users, where given, are asked for instead.
	Users *Users
}

// A Registry is an http.Handler for the registry API. It is safe for
// concurrent use.
type Registry struct {
	conf   Config
	images func() (*generated, error) // built at first use
	stored *olareg.Server             // nil where nothing is stored
	names  repositories               // of what is stored
	lock   *flock.Flock               // nil where nothing is written

	mu      sync.Mutex // requests come on goroutines of their own
	closed  bool
	running sync.WaitGroup // requests, which olareg must not be closed under
}

// lockName cannot be a repository: no name starts with a dot.
const lockName = ".lock"

// forever is longer than any registry runs, and short enough for olareg to add
// a tenth of it to itself.
const forever = 100 * 365 * 24 * time.Hour

// New opens the registry that conf describes. Close it when done.
func New(conf Config) (*Registry, error) {
	for _, i := range conf.Images {
		if err := i.check(); err != nil {
			return nil, err
		}
	}
	r := &Registry{conf: conf, names: noRepositories{}}
	r.images = sync.OnceValues(func() (*generated, error) { return generate(conf.Images) })
	if len(conf.Images) > 0 && conf.Dir == "" {
		return r, nil
	}
	if err := r.lockDir(); err != nil {
		return nil, errors.Join(err, r.unlock())
	}
	r.stored = olareg.New(storage(conf))
	r.names = &directory{root: conf.Dir, readOnly: conf.ReadOnly, stored: r.stored}
	if conf.Dir == "" {
		r.names = &memory{stored: r.stored, pushed: map[string][]string{}}
	}
	return r, nil
}

// storage is how olareg is to keep things.
func storage(conf Config) config.Config {
	no, deletes := false, !conf.NoDelete
	c := config.Config{
		Storage: config.ConfigStorage{StoreType: config.StoreMem, ReadOnly: &conf.ReadOnly},
		API: config.ConfigAPI{
			DeleteEnabled: &deletes,
			Blob:          config.ConfigAPIBlob{DeleteEnabled: &deletes},
		},
	}
	if conf.Dir != "" {
		c.Storage.StoreType, c.Storage.RootDir = config.StoreDir, conf.Dir
	}
	// Nothing is ever collected: blobs without a manifest are what the next run
	// of an interrupted mirror is spared from moving. A negative frequency
	// stops the clock, but Close collects all the same; there a negative grace
	// period would mean none, and EmptyRepo would take the layout away from
	// repositories that hold blobs only.
	c.Storage.GC = config.ConfigGC{Frequency: -1, GracePeriod: forever, Untagged: &no, EmptyRepo: &no}
	return c
}

func (r *Registry) lockDir() error {
	if r.conf.Dir == "" || r.conf.ReadOnly {
		return nil
	}
	if err := os.MkdirAll(r.conf.Dir, 0o755); err != nil {
		return fmt.Errorf("making the directory of the registry: %w", err)
	}
	r.lock = flock.New(filepath.Join(r.conf.Dir, lockName))
	switch ok, err := r.lock.TryLock(); {
	case err != nil:
		return fmt.Errorf("locking the registry in %q: %w", r.conf.Dir, err)
	case !ok:
		return fault.WithHint(fmt.Errorf("the registry in %q is in use by another process", r.conf.Dir),
			"stop that one, or reach it under its address instead of embedding its directory")
	}
	return removeLeftovers(r.conf.Dir)
}

// patience is how long Close waits for running requests.
const patience = 10 * time.Second

// Close waits for the running requests and gives the directory free. Requests
// that come later are answered with 503. It is an error if a request does not
// end in time, as when its answer is not read.
func (r *Registry) Close() error {
	if !r.shut() {
		return nil
	}
	ended := make(chan struct{})
	go func() {
		r.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return r.release()
	case <-time.After(patience):
		return errors.New("closing the registry: requests are still running")
	}
}

// shut lets no request in any more. It is true the first time.
func (r *Registry) shut() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := !r.closed
	r.closed = true
	return first
}

// enter lets a request in, which leaves by running.Done.
func (r *Registry) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.running.Add(1)
	}
	return !r.closed
}

func (r *Registry) release() error {
	var errs []error
	if r.stored != nil {
		errs = append(errs, withoutMissing(r.stored.Close()))
	}
	errs = append(errs, r.unlock())
	return errors.Join(errs...)
}

func (r *Registry) unlock() error {
	if r.lock == nil {
		return nil
	}
	return r.lock.Unlock()
}

// withoutMissing drops the errors that olareg's Close gives for repositories
// that were asked for and never existed.
func withoutMissing(err error) error {
	list, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // exactly what errors.Join gives
	if !ok {
		if errors.Is(err, types.ErrNotFound) {
			return nil
		}
		return err
	}
	var errs []error
	for _, e := range list.Unwrap() {
		errs = append(errs, withoutMissing(e))
	}
	return errors.Join(errs...)
}

// ServeHTTP answers one request.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	w.Header().Set("Server", "bayplan")
	if !r.enter() {
		sendError(w, http.StatusServiceUnavailable, "UNAVAILABLE", "the registry is closed")
		return
	}
	defer r.running.Done()
	if !r.known(req) {
		w.Header().Set("WWW-Authenticate", `Basic realm="bayplan"`)
		sendError(w, http.StatusUnauthorized, "UNAUTHORIZED", "user and password are needed")
		return
	}
	r.route(w, req)
}

func (r *Registry) known(req *http.Request) bool {
	user, password, given := req.BasicAuth()
	switch {
	case r.conf.Users != nil:
		return given && r.conf.Users.Allow(user, password)
	case r.conf.User == "" && r.conf.Password == "":
		return true
	}
	return same(user, r.conf.User) && same(password, r.conf.Password)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (r *Registry) route(w http.ResponseWriter, req *http.Request) {
	images, err := r.images()
	if err != nil {
		sendError(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	if req.URL.Path == "/v2/_catalog" {
		r.catalog(w, req, images)
		return
	}
	at := parsePath(req.URL.Path)
	if repo := images.repos[at.repo]; repo != nil {
		repo.serve(w, req, at)
		return
	}
	r.names.serve(w, req, at)
}
