// Package registryserver is the container registry inside bayplan. It keeps
// images in memory or in a directory, and generates small images of an upstream
// when they are requested. It speaks version 1.1 of the OCI distribution
// specification and has the _catalog of version 2 of Docker's registry API.
// Rehearsals, examples, tests, `bayplan serve` and oci: destinations use it. It
// knows nothing of plans and steps.
//
// Blobs that no manifest names are never collected: the next run of an
// interrupted mirror need not move them again.
package registryserver

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/bayplan/bayplan/internal/durable"
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

	// Images are served besides. They are generated when they are requested and
	// never stored. Nothing can be pushed to their repositories. With Images
	// and without a Dir, nothing can be pushed at all.
	Images []Image

	// OnDemand is called before something is read, and makes it with Add and
	// AddArtifact where it is not there. Its error is the answer; NotFound gives one.
	OnDemand func(Read) error

	// NoDelete refuses to delete anything.
	NoDelete bool

	// User and Password, where given, are required of every client (basic
	// auth).
	User, Password string
	// Users, where given, are required instead.
	Users *Users
}

// A Registry is an http.Handler for the registry API. It is safe for
// concurrent use.
type Registry struct {
	conf    Config
	images  func() (*memory, error) // built at first use
	stored  storage
	sealed  error // why nothing can be stored; nil: it can
	uploads uploads
	lock    *flock.Flock // nil where nothing is written
	shared  bool         // its repositories lie in layouts; see NewLayouts

	adding sync.Mutex // guards layers
	layers layerCache // of Add

	mu      sync.Mutex // several requests run at a time
	closed  bool
	running sync.WaitGroup // running requests; the lock is held until they end
}

// New opens the registry that conf describes. Close it when done.
func New(conf Config) (*Registry, error) {
	for _, i := range conf.Images {
		if err := i.check(); err != nil {
			return nil, err
		}
	}
	r := &Registry{conf: conf}
	r.images = sync.OnceValues(func() (*memory, error) { return generate(conf.Images) })
	if err := r.lockDir(); err != nil {
		return nil, errors.Join(err, r.unlock())
	}
	switch {
	case conf.Dir != "":
		r.stored = newDirectory(conf.Dir)
	case len(conf.Images) > 0:
		r.stored, r.sealed = newMemory(), errGenerated
	default:
		r.stored = newMemory()
	}
	if conf.ReadOnly {
		r.sealed = errReadOnly
	}
	return r, nil
}

func (r *Registry) lockDir() error {
	if r.conf.Dir == "" || r.conf.ReadOnly {
		return nil
	}
	if _, err := durable.MkdirAll(r.conf.Dir, dirMode); err != nil {
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
	// A killed process may have left uploads. No other process writes there.
	if err := os.RemoveAll(filepath.Join(r.conf.Dir, uploadsDir)); err != nil {
		return fmt.Errorf("removing what interrupted pushes left: %w", err)
	}
	return nil
}

// closeTimeout is how long Close waits for running requests.
const closeTimeout = 10 * time.Second

// Close waits for the running requests and releases the directory. Later
// requests are answered with 503. It is an error if a request does not end in
// time, for example because its answer is not read.
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
	case <-time.After(closeTimeout):
		return errors.New("closing the registry: requests are still running")
	}
}

// shut stops new requests. It is true the first time.
func (r *Registry) shut() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := !r.closed
	r.closed = true
	return first
}

// begin admits a request, which ends with running.Done.
func (r *Registry) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.running.Add(1)
	}
	return !r.closed
}

func (r *Registry) release() error {
	r.uploads.close()
	return r.unlock()
}

func (r *Registry) unlock() error {
	if r.lock == nil {
		return nil
	}
	return r.lock.Unlock()
}

// ServeHTTP answers one request.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	w.Header().Set("Server", "bayplan")
	if err := r.answer(w, req); err != nil {
		if r.shared {
			err = final(err)
		}
		sendError(w, err)
	}
}

func (r *Registry) answer(w http.ResponseWriter, req *http.Request) error {
	if !r.begin() {
		return refusal{http.StatusServiceUnavailable, "UNAVAILABLE", "the registry is closed"}
	}
	defer r.running.Done()
	if !r.isAllowed(req) {
		w.Header().Set("WWW-Authenticate", `Basic realm="bayplan"`)
		return refusal{http.StatusUnauthorized, "UNAUTHORIZED", "user and password are needed"}
	}
	return r.route(w, req)
}

func (r *Registry) isAllowed(req *http.Request) bool {
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

func (r *Registry) route(w http.ResponseWriter, req *http.Request) error {
	switch path.Clean(req.URL.Path) {
	case "/v2":
		if !isRead(req) {
			return notAllowed{readMethods, "there is nothing to write here"}
		}
		sendJSON(w, http.StatusOK, struct{}{})
		return nil
	case "/v2/_catalog":
		if err := r.prepareRead(req, Read{Kind: "catalog"}); err != nil {
			return err
		}
		return r.catalog(w, req)
	}
	at := parsePath(req.URL.Path, r.isRepository)
	if at.repo == "" {
		return notFound("UNSUPPORTED", "there is nothing here")
	}
	if err := r.prepareRead(req, Read{Kind: at.kind, Repository: at.repo, Reference: at.ref}); err != nil {
		return err
	}
	x := &exchange{Registry: r, w: w, req: req, at: at}
	return x.serve()
}

// isRepository says whether something can be the name of a repository. In a
// shared layout a repository has no directory, so any name is allowed.
func (r *Registry) isRepository(name string) bool {
	return isRepository(name) || r.shared && name != ""
}

// find gives a repository, for reading or for writing, too. Generated
// repositories cannot be written.
func (r *Registry) find(name string, write bool) (*repository, error) {
	images, err := r.images()
	if err != nil {
		return nil, err
	}
	repo := images.repository(name, false)
	idx, err := repo.Index()
	generated := len(idx.Manifests) > 0
	switch {
	case err != nil:
		return nil, err
	case generated && write:
		return nil, errGenerated
	case generated:
		return repo, nil
	case write && r.sealed != nil:
		return nil, r.sealed
	}
	return r.stored.repository(name, write), nil
}
