// Package cloudserver is bayplan's own small cloud: an Identity service that
// issues tokens and an Image service that stores images, both behind one
// http.Handler. Rehearsals, examples, tests and `bayplan serve` use it. It does
// not know plans, steps or its callers.
//
// To a client it behaves like Keystone and Glance: status codes, states of an
// image, hashes, filters and pages are the same. There is one difference: an
// upload that ends with the process leaves its image queued, and not saving for
// ever.
package cloudserver

import (
	"fmt"
	"net/http"
	"time"
)

// Defaults of a Config.
const (
	DefaultProject  = "admin"
	DefaultUser     = "admin"
	DefaultPassword = "bayplan"
	DefaultRegion   = "RegionOne"
	DefaultTokenTTL = time.Hour
)

// A Config is how a Cloud is set up. Its zero value is a cloud in memory.
type Config struct {
	// Dir is the directory of the images; "" keeps them in memory. Only one
	// process at a time may write to it.
	Dir string
	// ReadOnly serves the content that Dir had when it was opened, takes no
	// lock, writes nothing and answers every write with 403. A missing Dir is
	// an empty cloud.
	ReadOnly bool

	// Project, User and Password are the only login. Its domain is "Default".
	Project, User, Password string
	// Member removes the admin role. Without that role public images are refused.
	Member bool
	// Region is the region of the catalog's endpoints.
	Region string
	// TokenTTL is how long a token is valid.
	TokenTTL time.Duration

	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// NewID makes the ids of images that are created without one; nil means
	// random UUIDs.
	NewID func() string
}

func (c *Config) setDefaults() {
	setDefault(&c.Project, DefaultProject)
	setDefault(&c.User, DefaultUser)
	setDefault(&c.Password, DefaultPassword)
	setDefault(&c.Region, DefaultRegion)
	if c.TokenTTL == 0 {
		c.TokenTTL = DefaultTokenTTL
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		c.NewID = newUUID
	}
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// A Cloud is the two services behind one handler: Identity at /v3, Image at
// /image/v2. It is safe for concurrent use.
type Cloud struct {
	conf   Config
	tokens tokens
	images *imageTable
	mux    *http.ServeMux
}

// New opens the cloud that conf describes. The caller must close it.
func New(conf Config) (*Cloud, error) {
	conf.setDefaults()
	back, err := openStore(conf)
	if err != nil {
		return nil, err
	}
	images, err := newImageTable(back)
	if err != nil {
		return nil, closeAfter(err, back)
	}
	c := &Cloud{conf: conf, images: images, mux: http.NewServeMux()}
	c.identityRoutes()
	c.imageRoutes()
	return c, nil
}

func openStore(conf Config) (store, error) {
	if conf.Dir == "" {
		return newMemStore(), nil
	}
	return openDirStore(conf.Dir, conf.ReadOnly)
}

func closeAfter(err error, s store) error {
	if cerr := s.close(); cerr != nil {
		return fmt.Errorf("%w (and closing: %w)", err, cerr)
	}
	return err
}

// Close releases the directory. Writes that are unfinished, or come later, are
// answered with 503.
func (c *Cloud) Close() error { return c.images.close() }

// ServeHTTP answers one request to either service.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

// CloudsYAML returns a clouds.yaml for clients of the cloud at authURL, for
// example http://127.0.0.1:5000/v3. Its entry is called bayplan.
func (c *Cloud) CloudsYAML(authURL string) string {
	return fmt.Sprintf(`clouds:
  bayplan:
    auth_type: password
    auth:
      auth_url: %q
      username: %q
      password: %q
      project_name: %q
      user_domain_name: Default
      project_domain_name: Default
    region_name: %q
    identity_api_version: "3"
`, authURL, c.conf.User, c.conf.Password, c.conf.Project, c.conf.Region)
}

// baseURL returns the URL under which the client reached this server, so that
// links in answers work under any name and on any port.
func baseURL(r *http.Request) string {
	scheme := r.URL.Scheme // set if the request came without a socket
	if scheme == "" {
		scheme = "http"
		if r.TLS != nil {
			scheme = "https"
		}
	}
	return scheme + "://" + r.Host
}

// RemoveImage removes the image of a name behind the back of those who use the cloud. It
// reports whether there was one.
func (c *Cloud) RemoveImage(name string) (bool, error) {
	for _, i := range c.images.all() {
		if i.Name != nil && *i.Name == name {
			return true, c.images.remove(i.ID)
		}
	}
	return false, nil
}
