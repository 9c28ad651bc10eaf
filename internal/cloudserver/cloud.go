// Package cloudserver is the small cloud that bayplan carries with it: an Identity
// service that hands out tokens and an Image service that stores images, both
// behind one http.Handler. Rehearsals, examples, tests and `bayplan serve`
// use the same one. It knows nothing of plans, steps or who calls it.
//
// It answers as Keystone and Glance do in what a client can notice: status
// codes, states of an image, hashes, filters and pages. In one thing it is
// kinder: an upload that died with the process leaves its image queued, never
// saving for ever.
package cloudserver

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

// What a Config gets where it is empty.
const (
	DefaultProject  = "admin"
	DefaultUser     = "admin"
	DefaultPassword = "bayplan"
	DefaultRegion   = "RegionOne"
	DefaultTokenTTL = time.Hour
)

// A Config says how a Cloud is set up. Its zero value is a cloud in memory.
type Config struct {
	// Dir is the directory that holds the images; "" keeps them in memory.
	// One process at a time may write to it.
	Dir string
	// ReadOnly shows what Dir held when it was opened, takes no lock, writes
	// nothing and answers every write with 403. A missing Dir is an empty cloud.
	ReadOnly bool

	// Project, User and Password are the one login. Domain is "Default".
	Project, User, Password string
	// Member takes the admin role away: public images are refused then.
	Member bool
	// Region is the region of the catalog's endpoints.
	Region string
	// TokenTTL is how long a token is good for.
	TokenTTL time.Duration

	// Now is the clock; time.Now where nil.
	Now func() time.Time
	// NewID makes the ids of images that are created without one; random
	// UUIDs where nil.
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
	images *shelf
	mux    *http.ServeMux
}

// New opens the cloud that conf describes. Close it when done.
func New(conf Config) (*Cloud, error) {
	conf.setDefaults()
	back, err := openStore(conf)
	if err != nil {
		return nil, err
	}
	images, err := newShelf(back)
	if err != nil {
		return nil, joinClose(err, back)
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

func joinClose(err error, s store) error {
	if cerr := s.close(); cerr != nil {
		return fmt.Errorf("%w (and closing: %w)", err, cerr)
	}
	return err
}

// Close gives the directory free. Writes that come later, or are not done yet,
// are answered with 503.
func (c *Cloud) Close() error { return c.images.close() }

// ServeHTTP answers one request to either service.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

// CloudsYAML gives the clouds.yaml with which clients reach the cloud at
// authURL, for example http://127.0.0.1:5000/v3. The entry is called bayplan.
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

// baseURL is how the caller reached this server, so that the addresses it is
// given work under any name and on any port.
func baseURL(r *http.Request) string {
	scheme := r.URL.Scheme // set where the request came without a socket
	if scheme == "" {
		scheme = "http"
		if r.TLS != nil {
			scheme = "https"
		}
	}
	return scheme + "://" + r.Host
}

// isMissing says whether err is that of a file or directory that is not there.
func isMissing(err error) bool { return os.IsNotExist(err) }
