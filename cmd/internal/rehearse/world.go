package rehearse

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bayplan/bayplan/cmd/internal/rehearse/artifacts"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/places"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/registries"
	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/standin/signer"
	"github.com/bayplan/bayplan/internal/standin/upstream"
	"github.com/bayplan/bayplan/runner"
)

// A world has the servers of all plans of a rehearsal. It is a connections.World and a
// runner.Rehearsal.
type world struct {
	root *places.Root
	keep bool // servers keep what they hold below the root

	rules          upstream.Rules
	plans          *registries.Plans
	pgp            *signer.PGP
	public, secret []byte // keys of minisign

	// These are written between runs only.
	standIns map[string][]byte // contents by path below the root or by address
	pushed   map[string][]byte // contents of blobs that plans push, by address
	copied   map[string]bool   // paths below the root of files that are those of a plan's folder
	waived   map[string]bool   // digests that plans demand of things that are stood in for
	pinned   map[string]bool   // references of plans whose digests are those of stand-ins

	mu      sync.Mutex // requests ask for servers at the same time
	hosts   map[string]*registryHost
	layouts map[string]*upstream.Upstream // from which layouts were made, by oci:DIR:
	clouds  map[string]*cloudserver.Cloud
	webs    map[string]*webHost
	served  []served // directories that web servers serve
	closers []io.Closer
	err     error // of a server that could not be made
}

// A registryHost is a registry of the world, which may be down.
type registryHost struct {
	*upstream.Upstream
	down atomic.Bool
}

// ServeHTTP answers a request, if the registry is not down.
func (h *registryHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.down.Load() {
		http.NotFound(w, r) // so that nobody tries again
		return
	}
	h.Upstream.ServeHTTP(w, r)
}

// Registry implements connections.World.
func (w *world) Registry(host string) http.Handler {
	if h := w.registry(host); h != nil {
		return h
	}
	return nil
}

func (w *world) registry(host string) *registryHost {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.hosts[host]; h != nil {
		return h
	}
	u, err := upstream.New(host, w.dirOf("registries", host), w.rules)
	if err != nil {
		w.err = errors.Join(w.err, err)
		return nil
	}
	h := &registryHost{Upstream: u}
	w.hosts[host] = h
	w.closers = append(w.closers, u)
	return h
}

// registryOf gives the registry of a host as a reference names it.
func (w *world) registryOf(host string) *registryHost {
	return w.registry(registries.Canonical(host))
}

// Cloud implements connections.World.
func (w *world) Cloud(name string) http.Handler {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.clouds[name]; c != nil {
		return c
	}
	c, err := cloudserver.New(cloudserver.Config{Dir: w.dirOf("clouds", name)})
	if err != nil {
		w.err = errors.Join(w.err, err)
		return nil
	}
	w.clouds[name] = c
	w.closers = append(w.closers, c)
	return c
}

// Web implements connections.World.
func (w *world) Web(host string) http.Handler {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.webs[host]; h != nil {
		return h
	}
	h := &webHost{world: w, host: host}
	w.webs[host] = h
	return h
}

// dirOf gives the directory in which a server keeps what it holds, "" for its memory.
func (w *world) dirOf(kind, name string) string {
	if !w.keep {
		return ""
	}
	return filepath.Join(w.root.Dir, kind, url.PathEscape(name))
}

// StandIn implements runner.Rehearsal.
func (w *world) StandIn(pathOrURL string) (map[runner.Algo]string, bool) {
	if strings.Contains(pathOrURL, "://") || artifacts.Is(pathOrURL) {
		pathOrURL = addressKey(pathOrURL)
	}
	b, ok := w.standIns[pathOrURL]
	if !ok {
		return nil, false
	}
	return digestsOf(b), true
}

// Waived implements runner.Rehearsal.
func (w *world) Waived(digest string) bool { return digest != "" && w.waived[digest] }

// close closes all servers.
func (w *world) close() error {
	var errs []error
	for _, c := range slices.Backward(w.closers) {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
