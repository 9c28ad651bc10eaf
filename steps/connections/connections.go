// Package connections is the outside world of a plan: its registries, clouds and
// web hosts, decoded from the plan's connections, opened once and shared by all
// steps, and the lock of tags through which every look-up of a tag goes. Step types
// take from it only what they name in an interface of their own. It knows no step
// type.
package connections

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/logins"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/internal/transport"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// A Set is the connections of a plan. Through it, steps reach registries, clouds and
// web hosts. A nil Set has none.
type Set struct {
	registries []namedRegistry
	known      hostname.Registries // the same, by which hosts find them
	clouds     []namedCloud
	hosts      []namedHost

	owner string // of what a run leaves in a cloud: see SetOwner
	file  string // the file that replaces the plan's connections, or ""
	only  bool   // servers without a connection must not be asked

	inside   bool // a world answers for all servers: see OpenIn
	tolerant bool // see TolerateBrokenFiles

	secretVariables []string                                       // of the plan
	redactor        *redact.Redactor                               // learns all logins; nil for With
	lock            *TagLock                                       // of tags; nil: every look-up asks
	oldNames        map[string]string                              // names in the lock file by canonical name
	client          *registry.Client                               // of all registries
	downloads       *download.Client                               // of all hosts
	embeddedClouds  map[string]http.Handler                        // embedded clouds by name
	needs           func(kind runner.ServerKind, name string) bool // see Need; nil: all are needed
	closers         []io.Closer
	spool           int64 // bytes that blobs may take that several destinations want

	// Steps that run at the same time share a cloud. The first one logs in, and the
	// others wait for it.
	mu       sync.Mutex
	loggedIn map[string]*glance.Client
}

type namedRegistry struct {
	name string
	RegistryConnection
	body plan.Body // in the plan
}

// Connect decodes a plan's connections, and neither asks a server nor opens a
// file. All mistakes in them are reported.
func Connect(p *plan.Plan) (*Set, plan.Errors) {
	o := &Set{redactor: p.Redactor, file: p.ConnectionsFile, spool: p.Spool, secretVariables: p.SecretVariables, embeddedClouds: map[string]http.Handler{}, loggedIn: map[string]*glance.Client{}}
	var errs plan.Errors
	for _, c := range p.Registries {
		r := namedRegistry{name: c.Name, body: c.Body}
		errs = append(errs, decode(c.Body, &r.RegistryConnection)...)
		if i := o.known.Clash(r.identity()); i >= 0 {
			errs = append(errs, clash(c, "registries", o.registries[i].name, o.registries[i].Host, r.Host))
		}
		// It is added even with a mistake: a step that names it has no mistake.
		o.add(r)
	}
	for _, c := range p.Clouds {
		n := namedCloud{name: c.Name}
		errs = append(errs, decode(c.Body, &n.CloudConnection)...)
		o.clouds = append(o.clouds, n)
	}
	errs = append(errs, o.connectHosts(p.Hosts)...)
	o.only = o.refusesOthers(p)
	return o, errs
}

// With gives connections whose clients are made already, for tests. registries
// has the host of each registry connection by the connection's name.
func With(registries map[string]string, images *registry.Client, files *download.Client) *Set {
	o := &Set{client: images, downloads: files}
	for _, name := range slices.Sorted(maps.Keys(registries)) {
		o.add(namedRegistry{name: name, RegistryConnection: RegistryConnection{ServerConnection: ServerConnection{Host: registries[name]}}})
	}
	return o
}

func (s *Set) add(r namedRegistry) {
	s.registries, s.known = append(s.registries, r), append(s.known, r.identity())
}

func decode(b plan.Body, into interface{ Validate() error }) plan.Errors {
	if errs := b.Decode(into, nil); len(errs) > 0 {
		return errs
	}
	return b.Explain(into.Validate())
}

// Open starts the embedded services that Need names and makes the clients. It sends no request to a
// server. With readOnly, embedded services change nothing. The caller must call Close.
func (s *Set) Open(readOnly bool) error {
	if err := s.checkFiles().Err(); err != nil {
		return err
	}
	hosts := make([]registry.Host, 0, len(s.registries))
	keys := logins.FromEnvironment(s.secretVariables...)
	keys.Secrets = s.redactor
	for _, r := range s.registries {
		answer, err := s.openRegistry(r, readOnly)
		if err != nil {
			return withWriteHint(fmt.Errorf("registry %s: %w", r.name, err))
		}
		host := s.settingsOf(r, keys, readOnly)
		host.Handler = answer
		bandwidth, err := bytesPerSecond(r.Bandwidth)
		if err != nil {
			return fmt.Errorf("registry %s: %w", r.name, err)
		}
		host.Bandwidth = bandwidth
		hosts = append(hosts, host)
	}
	for _, c := range s.clouds {
		if c.Embedded == nil {
			continue
		}
		answer, err := s.embed(runner.CloudServer, c.name, func() (service, error) {
			return asService(cloudserver.New(cloudserver.Config{Dir: string(c.Embedded.Dir), ReadOnly: readOnly}))
		})
		if err != nil {
			return withWriteHint(fmt.Errorf("cloud %s: %w", c.name, err))
		}
		s.embeddedClouds[c.name] = answer
	}
	client, err := registry.New(hosts)
	if err != nil {
		return errors.Join(err, s.openHosts())
	}
	client.UseRedactor(s.redactor)
	client.BoundSpool(s.spool)
	s.closers = append(s.closers, client)
	s.client = client
	if err := s.openHosts(); err != nil || !s.only {
		return err
	}
	s.client.Restrict(s.refuseOther)
	s.downloads.Restrict(s.refuseOther)
	return nil
}

// settingsOf gives the settings of a registry as its client takes them, but for what can
// fail.
func (s *Set) settingsOf(r namedRegistry, keys *logins.Finder, readOnly bool) registry.Host {
	host := registry.Host{
		Name: r.Host, Address: r.Address,
		TLS:         transport.Mode(r.TLS),
		Concurrency: setting.Number(r.Concurrency, 0), KeepPulls: setting.Number(r.KeepPulls, 0), Rate: float64(setting.Number(r.Rate, 0)),
	}
	host.CA, host.Cert, host.Key = s.files(runner.RegistryServer, r.name, r.ServerConnection)
	if r.Embedded != nil { // it has no users
		if hostname.IsPattern(r.Host) {
			host.HandlerFor = func(host string) (http.Handler, error) { return s.openRegistry(r.at(host), readOnly) }
		}
		return host
	}
	host.User, host.Password, host.Token, host.Realms = r.User, onDemand(r.Password), onDemand(r.Token), r.Realms
	if r.Login != "config" {
		return host
	}
	host.LookupFor = func(host string) (func(context.Context, string) (registry.Credential, error), func(context.Context, string) (string, bool)) {
		at := r.at(host)
		return at.lookup(keys), func(ctx context.Context, repository string) (string, bool) {
			return keys.Describe(ctx, at.identity(), repository)
		}
	}
	if !hostname.IsPattern(r.Host) {
		host.Lookup, host.DescribeLookup = host.LookupFor(r.Host)
	}
	return host
}

// at gives the settings for one of the hosts that a pattern stands for. An embedded
// registry keeps what is pushed to each in a directory of its own.
func (r namedRegistry) at(host string) namedRegistry {
	if !hostname.IsPattern(r.Host) {
		return r
	}
	if r.Host = host; r.Embedded != nil && r.Embedded.Dir != "" {
		own := *r.Embedded
		own.Dir = plan.Path(filepath.Join(string(own.Dir), strings.ReplaceAll(host, ":", "_")))
		r.Embedded = &own
	}
	return r
}

// withWriteHint adds a hint to the error of an embedded service that cannot write into
// its directory.
func withWriteHint(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fault.WithHint(err, "give the user that runs bayplan the right to write there, or name another dir")
	}
	return err
}

// openRegistry gives the handler of an embedded registry, nil for a real one.
func (s *Set) openRegistry(r namedRegistry, readOnly bool) (http.Handler, error) {
	if r.Embedded == nil || hostname.IsPattern(r.Host) {
		return nil, nil
	}
	images, err := GeneratedImages(r.Embedded.Images)
	if err != nil {
		return nil, err
	}
	answer, err := s.embed(runner.RegistryServer, r.name, func() (service, error) {
		return asService(registryserver.New(registryserver.Config{
			Dir: string(r.Embedded.Dir), ReadOnly: readOnly, Images: images,
		}))
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// GeneratedReleases names the releases that GeneratedImages knows.
func GeneratedReleases() []string { return tripleo.SampleReleases() }

// GeneratedImages gives the stand-ins that an embedded registry serves for all images of
// a release, and none for "". An unknown release is an error.
func GeneratedImages(release string) ([]registryserver.Image, error) {
	if release == "" {
		return nil, nil
	}
	samples, err := tripleo.SampleImages(release)
	if err != nil {
		return nil, err
	}
	images := make([]registryserver.Image, len(samples))
	for i, s := range samples {
		images[i] = registryserver.Image{
			Repository: s.Repository,
			Tags:       s.Tags(),
			Labels:     map[string]string{"version": s.Version, "release": s.Release},
		}
	}
	return images, nil
}

// Close stops what Open started.
func (s *Set) Close() error {
	var errs []error
	for _, c := range slices.Backward(s.closers) {
		errs = append(errs, c.Close())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// Registry gives the one client that knows the hosts of all connections.
func (s *Set) Registry() *registry.Client { return s.client }

// RegistryHost gives the host of a registry connection, as references name it. A text with
// a dot or a colon is a host itself.
func (s *Set) RegistryHost(name string) (string, error) {
	named := s != nil && slices.ContainsFunc(s.registries, func(r namedRegistry) bool { return r.name == name })
	if hostname.IsHost(name) && !named {
		return hostname.Normal(name), hostname.Check(name)
	}
	if s == nil {
		return "", s.unknown("registry", "registries", name, nil)
	}
	var names []string
	for _, r := range s.registries {
		if r.name == name {
			return r.Host, r.checkOne()
		}
		names = append(names, r.name)
	}
	return "", s.unknown("registry", "registries", name, names)
}

// checkOne gives an error if the connection is for many hosts.
func (r namedRegistry) checkOne() error {
	if !hostname.IsPattern(r.Host) {
		return nil
	}
	return fault.WithHint(fmt.Errorf("the registry %q stands for all hosts that match %s", r.name, r.Host), "write one of these hosts in place of the name")
}

// CheckRegistry gives an error when a text is neither a host nor the name of a registry
// connection. An empty name is not known yet and passes, as every name does without connections.
func (s *Set) CheckRegistry(name string) error {
	if s == nil || name == "" {
		return nil
	}
	_, err := s.RegistryHost(name)
	return err
}

// Insecure reports whether the connection of a host uses no TLS or does not verify it.
func (s *Set) Insecure(host string) bool {
	if s == nil {
		return false
	}
	r, ok := s.byHost(host)
	return ok && (r.TLS == string(transport.Disabled) || r.TLS == string(transport.Insecure))
}

func (s *Set) byHost(host string) (namedRegistry, bool) {
	i := s.known.Find(host)
	if i < 0 {
		return namedRegistry{}, false
	}
	return s.registries[i], true
}

// SameRegistry reports whether two hosts name one registry.
func (s *Set) SameRegistry(a, b string) bool {
	all := s.identities()
	return all.Name(a) == all.Name(b)
}

// RegistryIdentity gives what is the same for all names of the registry of a host: its spellings, and
// the host that another connection has for its address.
func (s *Set) RegistryIdentity(host string) string {
	if s == nil {
		return hostname.Registry{Host: host}.Name()
	}
	if r, known := s.byHost(host); known && r.Address != "" {
		if other, known := s.byHost(r.Address); known && other.Address == "" && !hostname.IsPattern(other.Host) {
			return s.known.Name(r.Address)
		}
	}
	return s.known.Name(host)
}

// identities says which registries the connections are for.
func (s *Set) identities() hostname.Registries {
	return s.known
}

func (c *RegistryConnection) identity() hostname.Registry {
	return hostname.Registry{Host: c.Host, Plain: c.TLS == string(transport.Disabled)}
}

// clash gives the mistake of two connections for the same host.
func clash(c plan.Connection, section, first, firstHost, host string) *plan.Error {
	if hostname.IsPattern(host) && !sameServer(host, firstHost) {
		e := c.Body.Errorf("host", "some hosts match %q of %s and %q of %s equally well", firstHost, first, host, c.Name)
		e.Hint = "give these hosts a connection of their own kind, with more of the name written out"
		return e
	}
	return c.Body.Errorf("host", "the %s %s and %s have the same host %s", section, first, c.Name, sameHost(firstHost, host))
}

// sameHost shows one host, under both names where it has two.
func sameHost(a, b string) string {
	if hostname.Normal(a) == hostname.Normal(b) {
		return strconv.Quote(b)
	}
	return fmt.Sprintf("%q, also called %q", b, a)
}

// unknown gives the error for a connection that does not exist.
func (s *Set) unknown(kind, section, name string, names []string) error {
	err := fmt.Errorf("there is no %s %q under connections.%s", kind, name, section)
	if s != nil && s.file != "" {
		err = fmt.Errorf("%w of %s", err, s.file)
	}
	if len(names) == 0 {
		return fault.WithHint(err, "add it: bayplan explain connections shows its settings")
	}
	return setting.WithSuggestion(err, name, names)
}
