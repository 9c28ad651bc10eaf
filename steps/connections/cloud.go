package connections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/cloudsyaml"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/transport"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// A CloudConnection is one entry of connections.clouds: an OpenStack cloud, by its entry in
// clouds.yaml (cloud), by the address of its identity service (auth_url), or embedded.
type CloudConnection struct {
	// Entry of clouds.yaml.
	Cloud string `json:"cloud,omitempty"`
	// The clouds.yaml that has the entry. Without it, the one that the openstack command would
	// find, or else the OS_* environment variables.
	CloudsFile plan.Path `json:"clouds_file,omitempty"`
	// Address of the identity service, as https://192.0.2.1:13000/v3, in place of an entry of
	// clouds.yaml.
	AuthURL string `json:"auth_url,omitempty"`
	// User to log in as.
	User string `json:"user,omitempty"`
	// Password of the user, as a reference: ${secrets.NAME}.
	Password plan.Secret `json:"password,omitempty"`
	// Project that the images belong to.
	Project string `json:"project,omitempty"`
	// Domain of the user.
	UserDomain string `json:"user_domain,omitempty" jsonschema:"default=Default"`
	// Domain of the project.
	ProjectDomain string `json:"project_domain,omitempty" jsonschema:"default=Default"`
	// Application credential to log in with, in place of user, password and project.
	ApplicationCredentialID string `json:"application_credential_id,omitempty"`
	// Secret of the application credential, as a reference: ${secrets.NAME}.
	ApplicationCredentialSecret plan.Secret `json:"application_credential_secret,omitempty"`
	// Region of the image service. Without it, that of the entry, or else any.
	Region string `json:"region,omitempty"`
	// How to use TLS: verify the servers' certificates, or accept any (insecure). Without it, as
	// the entry of clouds.yaml says, or else verify.
	TLS string `json:"tls,omitempty" jsonschema:"enum=verify,enum=insecure"`
	// PEM file of the certificate authority that signed the servers' certificates.
	CA plan.Path `json:"ca,omitempty"`
	// Answer inside the process instead of over the network: for rehearsals, tests and CI.
	Embedded *EmbeddedCloud `json:"embedded,omitempty"`
}

// An EmbeddedCloud is the identity and image service that bayplan brings with
// it. Without settings it is empty, and gone when the command ends.
type EmbeddedCloud struct {
	// Directory that keeps the images.
	Dir plan.Path `json:"dir,omitempty"`
}

// Validate reports mistakes that the settings show by themselves.
func (c *CloudConnection) Validate() error {
	ways := 0
	for _, given := range []bool{c.Cloud != "", c.AuthURL != "", c.Embedded != nil} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return errors.New("a cloud has one of cloud (an entry of clouds.yaml), auth_url and embedded")
	}
	errs := []error{plan.At("tls", setting.OneOf(c.TLS, "verify", "insecure"))}
	if c.AuthURL != "" {
		errs = append(errs, plan.At("auth_url", checkAuthURL(c.AuthURL)), c.checkLogin())
	} else {
		errs = append(errs, c.checkNoLogin())
	}
	return errors.Join(errs...)
}

// checkAuthURL reports an address that no request can be sent to.
func checkAuthURL(address string) error {
	at, err := url.Parse(address)
	switch {
	case err != nil || at.Host == "" || (at.Scheme != "https" && at.Scheme != "http"):
		return fmt.Errorf("%q is not an address such as https://192.0.2.1:13000/v3", address)
	case at.User != nil:
		return errors.New("it holds a user; write user and password")
	}
	return hostname.Check(at.Host)
}

// checkLogin reports what is missing beside auth_url.
func (c *CloudConnection) checkLogin() error {
	var errs []error
	if c.CloudsFile != "" {
		errs = append(errs, plan.At("clouds_file", errors.New("a cloud with auth_url has no entry in clouds.yaml")))
	}
	if c.ApplicationCredentialID != "" || !c.ApplicationCredentialSecret.IsZero() {
		if c.ApplicationCredentialID == "" || c.ApplicationCredentialSecret.IsZero() {
			errs = append(errs, setting.Alone("application_credential_id", c.ApplicationCredentialID != "", "application_credential_secret"))
		}
		for _, s := range c.userSettings() {
			if s.given {
				errs = append(errs, plan.At(s.name, errors.New("an application credential has its own user and project")))
			}
		}
		return errors.Join(errs...)
	}
	for _, s := range c.userSettings()[:3] {
		if !s.given {
			errs = append(errs, fmt.Errorf("a cloud with auth_url needs %s", s.name))
		}
	}
	return errors.Join(errs...)
}

// checkNoLogin reports settings that only a cloud with auth_url has.
func (c *CloudConnection) checkNoLogin() error {
	var errs []error
	for _, s := range append(c.userSettings(), givenSetting{"application_credential_id", c.ApplicationCredentialID != ""},
		givenSetting{"application_credential_secret", !c.ApplicationCredentialSecret.IsZero()}) {
		if s.given {
			errs = append(errs, plan.At(s.name, errors.New("this goes with auth_url")))
		}
	}
	if c.Embedded == nil {
		return errors.Join(errs...)
	}
	for _, s := range []givenSetting{{"clouds_file", c.CloudsFile != ""}, {"region", c.Region != ""}, {"tls", c.TLS != ""}, {"ca", c.CA != ""}} {
		if s.given {
			errs = append(errs, plan.At(s.name, errors.New("an embedded cloud has no such setting")))
		}
	}
	return errors.Join(errs...)
}

// A givenSetting says whether a setting is given.
type givenSetting struct {
	name  string
	given bool
}

// userSettings are the settings of a login with a password. The first three are needed.
func (c *CloudConnection) userSettings() []givenSetting {
	return []givenSetting{
		{"user", c.User != ""},
		{"password", !c.Password.IsZero()},
		{"project", c.Project != ""},
		{"user_domain", c.UserDomain != ""},
		{"project_domain", c.ProjectDomain != ""},
	}
}

type namedCloud struct {
	name string
	CloudConnection
}

// options give what glance.Connect needs. They reveal the secrets.
func (c namedCloud) options(ctx context.Context) (glance.Options, error) {
	o := glance.Options{
		Name: c.name, Cloud: c.Cloud, CloudsFile: string(c.CloudsFile), Region: c.Region,
		TLS: transport.Mode(c.TLS), CA: string(c.CA),
	}
	if c.AuthURL == "" {
		return o, nil
	}
	var err error
	o.Login = &cloudsyaml.Login{AuthURL: c.AuthURL}
	if c.ApplicationCredentialID != "" {
		o.Login.ApplicationCredentialID = c.ApplicationCredentialID
		o.Login.ApplicationCredentialSecret, err = c.ApplicationCredentialSecret.Reveal(ctx)
		return o, err
	}
	o.Login.Username, o.Login.UserDomainName = c.User, cmp.Or(c.UserDomain, defaultDomain)
	o.Login.Scope = cloudsyaml.Scope{ProjectName: c.Project, ProjectDomainName: cmp.Or(c.ProjectDomain, defaultDomain)}
	o.Login.Password, err = c.Password.Reveal(ctx)
	return o, err
}

// defaultDomain is the domain that every cloud begins with.
const defaultDomain = "Default"

// CheckCloud gives an error when no cloud connection has that name. An empty name is
// not known yet and passes, as every name does without connections.
func (s *Set) CheckCloud(name string) error {
	if s == nil || name == "" {
		return nil
	}
	_, err := s.cloud(name)
	return err
}

func (s *Set) cloud(name string) (namedCloud, error) {
	var names []string
	for _, c := range s.clouds {
		if c.name == name {
			return c, nil
		}
		names = append(names, c.name)
	}
	return namedCloud{}, s.unknown("cloud", "clouds", name, names)
}

// Cloud logs in to a cloud at its first use.
func (s *Set) Cloud(ctx context.Context, name string) (*glance.Client, error) {
	conn, err := s.cloud(name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.loggedIn[name]; c != nil {
		return c, nil
	}
	options, inside := s.cloudOptions(conn)
	if !inside {
		if options, err = conn.options(ctx); err != nil {
			return nil, fmt.Errorf("cloud %q: %w", name, err)
		}
	}
	options.Owner, options.Secrets = s.owner, s.redactor
	c, err := glance.Connect(ctx, options)
	if err != nil {
		return nil, err
	}
	s.loggedIn[name] = c
	return c, nil
}

// SetOwner names the one who uploads to clouds: see glance.Options. It is called before
// the first use of a cloud.
func (s *Set) SetOwner(owner string) { s.owner = owner }

// embeddedOptions gives the options for a cloud that answers inside the process, under
// a name that no server can have.
func embeddedOptions(name string, answer http.Handler) glance.Options {
	return glance.Options{
		Cloud:   name,
		Handler: answer,
		Auth: &gophercloud.AuthOptions{
			IdentityEndpoint: "http://embedded.invalid/v3",
			Username:         cloudserver.DefaultUser,
			Password:         cloudserver.DefaultPassword,
			TenantName:       cloudserver.DefaultProject,
			DomainName:       "Default",
		},
	}
}
