// Package registry moves images between registries and OCI layouts: it plans,
// transfers, prunes and checks lists of images, and no blob is moved twice. It
// resolves tags and reads labels and catalogs. It knows nothing of plans, steps
// and runs.
//
// A list of images is moved in two parts. Client.Plan makes a TransferPlan and
// moves nothing. Client.Execute carries it out.
package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/regclient/regclient/config"
	"github.com/regclient/regclient/scheme/reg"
	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/minisign"
	"github.com/bayplan/bayplan/internal/ocilayout/layoutset"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/internal/registry/labelcache"
	"github.com/bayplan/bayplan/internal/registry/spool"
	"github.com/bayplan/bayplan/internal/registry/upload"
	"github.com/bayplan/bayplan/internal/registry/wire"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/internal/transport"
)

// A Host is a registry with settings. An unknown registry is reached over TLS
// with its certificate verified, and without credentials.
type Host struct {
	Name      string // host[:port] as references name it, or a pattern for many
	Address   string // dial this host:port instead
	TLS       transport.Mode
	CA        string       // PEM file of further authorities to trust
	Cert, Key string       // PEM files of the certificate to show, and of its key
	Handler   http.Handler // answers inside the process
	// HandlerFor and LookupFor give the Handler, and Lookup with DescribeLookup, of each
	// host that a pattern stands for.
	HandlerFor func(host string) (http.Handler, error)
	LookupFor  func(host string) (func(context.Context, string) (Credential, error), func(context.Context, string) (string, bool))

	User     string
	Password func(context.Context) (string, error) // of User; called once, at the first use of the host
	Token    func(context.Context) (string, error) // in place of User and Password; called once
	// Lookup finds the credential for a repository where neither User nor Token
	// is given.
	Lookup func(ctx context.Context, repository string) (Credential, error)
	// DescribeLookup says where Lookup has found the credential, or where it has
	// looked in vain.
	DescribeLookup func(ctx context.Context, repository string) (text string, found bool)

	Realms []string // hosts that tokens may come from even if they are private

	Concurrency int     // most requests at a time; 0: 64
	KeepPulls   int     // manifests that are left of the registry's quota; 0: none
	Rate        float64 // requests in a second; 0: any
	Bandwidth   int64   // bytes in a second, both ways together; 0: any

	pattern string // the Name of the settings, if that is a pattern
}

// MaxConcurrency is the number of requests that a registry gets at a time at most, if it
// answers so many as fast as few.
const MaxConcurrency = wire.MaxConcurrency

// A Client talks to registries. It is for use by many goroutines at once.
type Client struct {
	// Keys are those that sign layouts.
	Keys minisign.Keys

	settings   []Host
	registries hostname.Registries // of the settings
	mu         sync.Mutex          // registries are met at any time
	hosts      map[string]*login   // by Registries.Name
	// Two views of the same registries have slots of their own: a blob that is
	// copied within a registry needs one slot for reading and one for writing.
	views   []*reg.Reg
	http    *http.Client // used by both
	wire    *wire.Transport
	uploads *upload.Transport    // in front of wire
	base    *transport.Transport // that wire sends with
	labels  *labelcache.Cache
	heads   sync.Map       // *headTrust by registry
	layouts *layoutset.Set // they answer as one registry inside the process, each under its number
	made    *layoutset.Set // the same for those that are made of files
	spool   *spool.Pool    // blobs that several destinations or steps want
	pause   func(ctx context.Context, d time.Duration) error
}

// New makes a client. It reads the files of certificates only. It talks to no
// registry and asks for no password.
func New(hosts []Host) (*Client, error) {
	c := &Client{hosts: map[string]*login{}, labels: labelcache.New(), layouts: &layoutset.Set{}, made: &layoutset.Set{}, spool: spool.New(), pause: sleep}
	hosts = append(slices.Clip(hosts),
		Host{Name: layoutHost, Handler: registryserver.NewLayouts(c.layouts.Number), Concurrency: layoutConcurrency},
		Host{Name: madeHost, Handler: registryserver.NewLayouts(c.made.Number), Concurrency: layoutConcurrency})
	endpoints := make([]transport.Endpoint, len(hosts))
	for _, h := range hosts {
		c.registries = append(c.registries, h.identity())
	}
	c.settings = hosts
	bounds := map[string]wire.Bounds{}
	var configs [2][]*config.Host
	for i, h := range hosts {
		name := c.registries.Name(h.Name)
		if c.hosts[name] != nil {
			return nil, fmt.Errorf("the registry %s has two connections", name)
		}
		if l := newLogin(h, name); !hostname.IsPattern(name) {
			c.hosts[name] = l
			configs[0], configs[1] = append(configs[0], l.configs[0]), append(configs[1], l.configs[1])
		}
		bounds[h.identity().Address()] = wire.Bounds{Requests: concurrency(h), KeepPulls: h.KeepPulls}
		endpoints[i] = transport.Endpoint{
			Host: h.identity().Address(), Address: h.Address, TLS: h.TLS, CA: h.CA, Cert: h.Cert, Key: h.Key, Handler: h.Handler, HandlerFor: h.HandlerFor,
			Concurrency: concurrency(h), Rate: h.Rate, Bandwidth: h.Bandwidth,
		}
	}
	t, err := transport.New(endpoints)
	if err != nil {
		return nil, err
	}
	hc := t.Client()
	c.base = t
	bounds[layoutHost], bounds[madeHost] = wire.Bounds{}, wire.Bounds{} // a disk need not be spared
	c.wire = wire.New(t, c.wait, func(host string) wire.Bounds {
		if b, known := bounds[host]; known {
			return b
		}
		if i := c.registries.Find(host); i >= 0 {
			return bounds[hosts[i].identity().Address()]
		}
		return wire.Bounds{Requests: MaxConcurrency}
	})
	c.uploads = upload.New(c.wire, c.wait)
	hc.Transport = c.uploads
	c.http = hc
	c.views = []*reg.Reg{c.view(configs[0]), c.view(configs[1])}
	return c, nil
}

// Restrict refuses requests to hosts that the client has no settings for, as
// transport.Transport.Restrict does.
func (c *Client) Restrict(refuse func(host string) error) { c.base.Restrict(refuse) }

// AnswerInside makes handlers answer for hosts that the client has no settings for.
func (c *Client) AnswerInside(answer func(host string) http.Handler) { c.base.AnswerInside(answer) }

// UseRedactor makes the client give it the secrets that requests and answers carry.
// It is called before the client is used.
func (c *Client) UseRedactor(r *redact.Redactor) { c.base.Secrets = r }

// KeepUploads makes pushes leave files in a directory while they are under way, and go
// on with those that a killed run has left. It is called before the client is used.
func (c *Client) KeepUploads(dir string) { c.uploads.Keep(dir) }

// wait lets tests replace pause after New.
func (c *Client) wait(ctx context.Context, d time.Duration) error { return c.pause(ctx, d) }

func concurrency(h Host) int {
	if h.Concurrency > 0 {
		return h.Concurrency
	}
	return MaxConcurrency
}

// identity says which registry the host is.
func (h Host) identity() hostname.Registry {
	return hostname.Registry{Host: h.Name, Plain: h.TLS == transport.Disabled}
}

func newLogin(h Host, name string) *login {
	l := &login{host: h, creds: map[string]Credential{}}
	for range 2 {
		conf := config.HostNewName(name)
		conf.Name, conf.Hostname = name, h.identity().Address()
		conf.ReqConcurrent = int64(concurrency(h))
		// The mode itself concerns the transport. Here it chooses the scheme.
		if h.TLS == transport.Disabled {
			conf.TLS = config.TLSDisabled
		}
		l.configs = append(l.configs, conf)
	}
	return l
}

// view makes one of the two views of registries.
func (c *Client) view(configs []*config.Host) *reg.Reg {
	unknown := config.HostNew()
	unknown.ReqConcurrent = MaxConcurrency
	return reg.New(
		reg.WithHTTPClient(c.http),
		reg.WithConfigHosts(configs),
		reg.WithConfigHostDefault(unknown),
		reg.WithSlog(slog.New(slog.NewTextHandler(io.Discard, nil))),
		reg.WithUserAgent(wire.UserAgent),
		// The wire.Transport repeats what may be repeated.
		reg.WithDelay(1, 1),
		reg.WithRetryLimit(1),
		reg.WithManifestMax(wire.MaxManifest, wire.MaxManifest),
	)
}

// concurrency is the number of requests that a host takes at a time.
func (c *Client) concurrency(host string) int {
	if l := c.login(host); l != nil {
		return concurrency(l.host)
	}
	return MaxConcurrency
}

// call runs do, which sends requests to r's host, and explains its error.
func (c *Client) call(ctx context.Context, r ref.Ref, do func(context.Context) error) error {
	_, err := c.callResult(ctx, r, do)
	return err
}

// callResult is call for a caller that also needs the result.
func (c *Client) callResult(ctx context.Context, r ref.Ref, do func(context.Context) error) (wire.Result, error) {
	t, err := c.target(ctx, r)
	if err != nil {
		return wire.Result{}, err
	}
	return wire.Call(ctx, t, do)
}

// sleep waits, but not longer than ctx lasts.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

var errEmptyHost = errors.New("no registry is named")
