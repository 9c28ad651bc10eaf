// Package glance is a client of a cloud's image service. It finds images, recognizes
// duplicates of a name, and uploads a file so that the cloud has the complete image or
// none. It does not know steps, plans, or which images an overcloud needs.
//
// Three facts about the service shape it:
//
//   - Names are not unique, and the data of an image cannot change. So a new version of
//     an image is a new image, which takes over the name.
//   - The service does not check data on the way: a body that was cut short can become
//     an "active" image. So after every upload the size and the digest that the cloud
//     reports are compared with what was read from the file.
//   - A change that is answered with success may not have been made. So every image that
//     Converge gives is compared with the image in the cloud's own answer.
package glance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/config"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"github.com/bayplan/bayplan/internal/cloudsyaml"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/internal/transport"
)

// Options say which cloud to connect to, and how.
type Options struct {
	// Cloud is the entry of clouds.yaml, in the file of the openstack command, or in CloudsFile.
	Cloud, CloudsFile string

	// Region is the region of the image service; "": that of the entry, or else any.
	Region string

	// Login is used in place of an entry of clouds.yaml.
	Login *cloudsyaml.Login

	// TLS and CA, a PEM file of further authorities to trust, come before what the entry says.
	TLS transport.Mode
	CA  string

	// Name is the caller's name of the cloud, which errors show; "": the same as Cloud.
	Name string

	// Owner names the one who uploads: no two runs of one Owner may be at work at the same
	// time. A run continues, or deletes, the interrupted uploads of its own Owner at once.
	Owner string

	// Auth are the credentials for a Handler, which needs them.
	Auth *gophercloud.AuthOptions

	// Handler answers requests to the host that Auth names, inside the process. It
	// replaces the cloud's servers.
	Handler http.Handler

	// Transport sends all requests; nil: servers are reached with the TLS settings of
	// clouds.yaml, or the Handler answers.
	Transport http.RoundTripper

	// Secrets learns the credentials and the tokens of the cloud; it may be nil.
	Secrets *redact.Redactor

	// Patience is how long an image may stay in a temporary state such as "saving";
	// 0: 20 seconds.
	Patience time.Duration

	// Pause is the time before a request is repeated; it doubles each time. It is also
	// the longest time between two requests for the state of an image. 0: one second.
	Pause time.Duration
}

// A Client talks to one cloud's image service. Many goroutines may use it at the same
// time. It renews its token by itself.
type Client struct {
	cloud    string
	owner    string
	inside   bool // it answers inside the process
	images   *gophercloud.ServiceClient
	notes    []string
	patience time.Duration
	pause    time.Duration
}

// Cloud gives the caller's name of the cloud.
func (c *Client) Cloud() string { return c.cloud }

// Owner names the one who uploads: see Options.
func (c *Client) Owner() string { return c.owner }

// Endpoint gives the address of the image service.
func (c *Client) Endpoint() string { return c.images.Endpoint }

// Place gives what is the same for all connections to the images of one project: the address of the
// image service and the id of the project. It is "" where the cloud answers inside the process, or
// does not name the project.
func (c *Client) Place() string {
	result, ok := c.images.GetAuthResult().(tokens.CreateResult)
	if !ok || c.inside {
		return ""
	}
	project, err := result.ExtractProject()
	if err != nil || project == nil {
		return ""
	}
	return c.images.Endpoint + " " + project.ID
}

// Notes tell people what they should know about the settings that led to the cloud.
func (c *Client) Notes() []string { return slices.Clone(c.notes) }

// Connect logs in to a cloud and finds its image service.
func Connect(ctx context.Context, o Options) (*Client, error) {
	creds, err := credentialsOf(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.label(), err)
	}
	sc, err := login(ctx, o, creds)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.label(), err)
	}
	c := &Client{cloud: cmp.Or(o.Name, o.Cloud), owner: o.Owner, inside: o.Handler != nil, images: sc, notes: creds.notes, patience: o.Patience, pause: o.Pause}
	if c.patience <= 0 {
		c.patience = 20 * time.Second
	}
	if c.pause <= 0 {
		c.pause = time.Second
	}
	return c, nil
}

// Identity gives the address of a cloud's identity service, and a transport that reaches
// the cloud's servers as Connect does. It sends no request.
func Identity(ctx context.Context, o Options) (string, *transport.Transport, error) {
	creds, err := credentialsOf(ctx, o)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", o.label(), err)
	}
	t, err := o.transport(creds)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", o.label(), err)
	}
	t.Secrets = o.Secrets
	return creds.auth.IdentityEndpoint, t, nil
}

// label names the cloud in errors. It shows the caller's name and the name in
// clouds.yaml, because a mistake in clouds.yaml is found under the latter.
func (o Options) label() string {
	if o.Name == "" || o.Name == o.Cloud || o.Cloud == "" {
		return fmt.Sprintf("cloud %q", cmp.Or(o.Cloud, o.Name))
	}
	return fmt.Sprintf("cloud %q (cloud %q of clouds.yaml)", o.Name, o.Cloud)
}

func login(ctx context.Context, o Options, creds credentials) (*gophercloud.ServiceClient, error) {
	client, err := o.client(creds)
	if err != nil {
		return nil, err
	}
	auth := creds.auth
	// A token alone cannot log in again.
	auth.AllowReauth = auth.TokenID == ""
	// The retry functions of gophercloud stay unset: they repeat a request with a body
	// from the position at which the last attempt stopped.
	pc, err := config.NewProviderClient(ctx, auth, config.WithHTTPClient(client))
	if err != nil {
		return nil, explainLogin(err, creds)
	}
	sc, err := imageService(ctx, pc, creds.image)
	if err != nil {
		return nil, explainEndpoint(err, creds)
	}
	return sc, nil
}

// client gives the HTTP client. It sends no token to another host when a server
// redirects it there.
func (o Options) client(creds credentials) (http.Client, error) {
	t, err := o.transport(creds)
	if err != nil {
		return http.Client{}, err
	}
	t.Secrets = o.Secrets
	client := *t.Client()
	client.Transport = sender{t}
	if o.Transport != nil {
		client.Transport = sender{o.Transport}
	}
	return client, nil
}

func (o Options) transport(creds credentials) (*transport.Transport, error) {
	if o.Handler == nil {
		return transport.NewWithTLS(creds.tls)
	}
	at, err := url.Parse(creds.auth.IdentityEndpoint)
	if err != nil {
		return nil, err
	}
	return transport.New([]transport.Endpoint{{Host: at.Host, Handler: o.Handler}})
}

// imageService finds the service: at the address that is set for it, or else in the
// catalogue, under the first of the interfaces that it has.
func imageService(ctx context.Context, pc *gophercloud.ProviderClient, image cloudsyaml.Image) (*gophercloud.ServiceClient, error) {
	if image.Endpoint != "" {
		return imageClient(pc, gophercloud.NormalizeURL(image.Endpoint)), nil
	}
	interfaces := image.Interfaces
	if len(interfaces) == 0 {
		interfaces = []string{string(gophercloud.AvailabilityPublic)}
	}
	var err error
	for _, face := range interfaces {
		eo := gophercloud.EndpointOpts{Type: image.Type, Name: image.Name, Region: image.Region, Availability: gophercloud.Availability(face)}
		var sc *gophercloud.ServiceClient
		sc, err = inCatalog(ctx, pc, eo)
		if absent := (*gophercloud.ErrEndpointNotFound)(nil); !errors.As(err, &absent) {
			return sc, err
		}
	}
	return nil, err
}

// inCatalog finds the service in the catalogue that came with the token. It replaces
// openstack.NewImageV2, which cannot be cancelled: that function asks the service for its
// versions with a context of its own.
func inCatalog(ctx context.Context, pc *gophercloud.ProviderClient, eo gophercloud.EndpointOpts) (*gophercloud.ServiceClient, error) {
	result, ok := pc.GetAuthResult().(tokens.CreateResult)
	if !ok { // a token that was given, or version 2 of the identity service
		return openstack.NewImageV2(pc, eo)
	}
	catalog, err := result.ExtractServiceCatalog()
	if err != nil {
		return nil, err
	}
	eo.ApplyDefaults("image")
	eo.Version = 2
	found, err := openstack.V3Endpoint(ctx, pc, catalog, eo)
	if err != nil {
		return nil, err
	}
	return imageClient(pc, found), nil
}

// imageClient gives a client of version 2 of the image service at an address, which may end
// with the version: some catalogues include it.
func imageClient(pc *gophercloud.ProviderClient, address string) *gophercloud.ServiceClient {
	base := versioned.ReplaceAllString(address, "/")
	return &gophercloud.ServiceClient{ProviderClient: pc, Endpoint: base, ResourceBase: base + "v2/", Type: "image"}
}

var versioned = lazyregexp.New(`/v2(\.[0-9]+)?/$`)

// explainLogin gives different errors for wrong credentials, for a service that cannot
// be reached, and for an address without an identity service.
func explainLogin(err error, creds credentials) error {
	at := creds.auth.IdentityEndpoint
	if gap := explainIncomplete(err, creds); gap != nil {
		return gap
	}
	switch {
	case gophercloud.ResponseCodeIs(err, http.StatusUnauthorized):
		return fault.WithHint(fmt.Errorf("the identity service at %s refuses the credentials of user %q (401)%s", at, userOf(creds.auth), ownWords(err)),
			"check user, password, project and their domains in "+creds.source)
	case gophercloud.ResponseCodeIs(err, http.StatusNotFound):
		return fault.WithHint(fmt.Errorf("there is no identity service at %s (404)%s", at, ownWords(err)),
			"auth_url in "+creds.source+" should end in /v3")
	}
	err = explain(err)
	if isCertificateError(err) {
		return fault.WithHint(fmt.Errorf("log in at %s: %w", at, err), "name the authority's certificate as "+creds.names.ca+" in "+creds.source)
	}
	err = fmt.Errorf("log in at %s: %w", at, err)
	if fault.IsConnection(err) {
		return fault.WithHint(err, "is the cloud up, and is its address right: auth_url in "+creds.source+"?")
	}
	return err
}

func explainEndpoint(err error, creds credentials) error {
	var absent *gophercloud.ErrEndpointNotFound
	var way *url.Error
	if errors.As(err, &way) {
		if at, bad := url.Parse(way.URL); bad != nil || at.Host == "" {
			return fault.WithHint(fmt.Errorf("the catalogue of the cloud says that the image service is at %q, which is not an address", way.URL),
				"have the endpoint corrected, or set image_endpoint_override in clouds.yaml")
		}
	}
	if !errors.As(err, &absent) {
		return fmt.Errorf("find the image service: %w", explain(err))
	}
	msg := "the catalogue of the cloud has no image service"
	if region := creds.image.Region; region != "" {
		msg += fmt.Sprintf(" in region %q", region)
	}
	if face := strings.Join(creds.image.Interfaces, " or "); face != "" && face != "public" {
		msg += fmt.Sprintf(" with interface %q", face)
	}
	return fault.WithHint(errors.New(msg), "check "+creds.names.region+" in "+creds.source+
		", and that the project has access to Glance, version 2 of its API")
}

func userOf(a gophercloud.AuthOptions) string {
	for _, name := range []string{a.Username, a.UserID, a.ApplicationCredentialName, a.ApplicationCredentialID} {
		if name != "" {
			return name
		}
	}
	return "(token)"
}
