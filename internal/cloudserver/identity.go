package cloudserver

import (
	"net/http"
	"slices"
	"time"
)

// Paths of the two services below the address of the cloud.
const (
	identityPath = "/v3"
	imagePath    = "/image"
)

// An endpoint answers a request or returns an error.
type endpoint func(w http.ResponseWriter, r *http.Request) error

func (c *Cloud) identityRoutes() {
	public := func(pattern string, h endpoint) { c.mux.Handle(pattern, inIdentity(h)) }
	public("GET /{$}", identityVersions)
	public("GET /v3", identityVersion)
	public("GET /v3/{$}", identityVersion)
	public("POST /v3/auth/tokens", c.postToken)

	private := func(pattern string, h endpoint) { public(pattern, c.withToken(h)) }
	private("GET /v3/auth/tokens", c.getToken)
	private("DELETE /v3/auth/tokens", c.deleteToken)
	private("GET /v3/auth/catalog", c.getCatalog)
	private("GET /v3/auth/projects", c.getProjects)
	private("GET /v3/projects", c.getProjects)
	private("GET /v3/projects/{id}", c.getProject)
	private("GET /v3/users/{id}", c.getUser)
	private("GET /v3/services", c.getServices)
	private("GET /v3/", notFound)
}

func inIdentity(h endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "X-Auth-Token")
		if err := h(w, r); err != nil {
			identityError(w, r, err)
		}
	})
}

// withToken refuses requests without a valid token.
func (c *Cloud) withToken(h endpoint) endpoint {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, ok := c.tokens.find(r.Header.Get("X-Auth-Token"), c.conf.Now()); !ok {
			return refuse(http.StatusUnauthorized, "the request needs authentication")
		}
		return h(w, r)
	}
}

func notFound(_ http.ResponseWriter, r *http.Request) error {
	return refuse(http.StatusNotFound, "there is nothing at %q", r.URL.Path)
}

func identityVersions(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, http.StatusMultipleChoices,
		obj{"versions": obj{"values": []any{identityVersionInfo(r)}}})
}

func identityVersion(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, http.StatusOK, obj{"version": identityVersionInfo(r)})
}

func identityVersionInfo(r *http.Request) obj {
	return obj{
		"id":          "v3.14",
		"status":      "stable",
		"updated":     "2020-04-07T00:00:00Z",
		"links":       []any{obj{"rel": "self", "href": baseURL(r) + identityPath + "/"}},
		"media-types": []any{obj{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}},
	}
}

// postToken checks a login and issues a token.
func (c *Cloud) postToken(w http.ResponseWriter, r *http.Request) error {
	var l login
	if err := readJSON(r, &l); err != nil {
		return err
	}
	if err := c.checkMethods(&l); err != nil {
		return err
	}
	if err := c.checkScope(l.Auth.Scope); err != nil {
		return err
	}
	now := c.conf.Now().UTC()
	t := c.tokens.issue(token{
		methods: l.Auth.Identity.Methods,
		scoped:  l.Auth.Scope != nil,
		issued:  now,
		expires: c.expiry(&l, now),
	})
	w.Header().Set("X-Subject-Token", t.id)
	return writeJSON(w, http.StatusCreated, c.tokenBody(r, t))
}

// expiry returns when the new token expires. A token that was issued for another
// token expires with that one, or a login could be extended for ever.
func (c *Cloud) expiry(l *login, now time.Time) time.Time {
	end := now.Add(c.conf.TokenTTL)
	if !slices.Contains(l.Auth.Identity.Methods, "token") {
		return end
	}
	if old, ok := c.tokens.find(l.Auth.Identity.Token.ID, now); ok && old.expires.Before(end) {
		return old.expires
	}
	return end
}

// subject returns the token that the request asks about.
func (c *Cloud) subject(r *http.Request) (token, error) {
	t, ok := c.tokens.find(r.Header.Get("X-Subject-Token"), c.conf.Now())
	if !ok {
		return t, refuse(http.StatusNotFound, "the token in X-Subject-Token is unknown or has expired")
	}
	return t, nil
}

func (c *Cloud) getToken(w http.ResponseWriter, r *http.Request) error {
	t, err := c.subject(r)
	if err != nil {
		return err
	}
	w.Header().Set("X-Subject-Token", t.id)
	return writeJSON(w, http.StatusOK, c.tokenBody(r, t))
}

func (c *Cloud) deleteToken(w http.ResponseWriter, r *http.Request) error {
	t, err := c.subject(r)
	if err != nil {
		return err
	}
	c.tokens.revoke(t.id)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *Cloud) getCatalog(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, http.StatusOK, obj{"catalog": c.catalog(r), "links": obj{}})
}

func (c *Cloud) getProjects(w http.ResponseWriter, r *http.Request) error {
	projects := []any{}
	if name := r.URL.Query().Get("name"); name == "" || name == c.conf.Project {
		projects = append(projects, c.project())
	}
	return writeJSON(w, http.StatusOK, obj{"projects": projects, "links": obj{}})
}

func (c *Cloud) getProject(w http.ResponseWriter, r *http.Request) error {
	if id := r.PathValue("id"); id != c.projectID() {
		return refuse(http.StatusNotFound, "there is no project %q", id)
	}
	return writeJSON(w, http.StatusOK, obj{"project": c.project()})
}

func (c *Cloud) getUser(w http.ResponseWriter, r *http.Request) error {
	if id := r.PathValue("id"); id != c.userID() {
		return refuse(http.StatusNotFound, "there is no user %q", id)
	}
	return writeJSON(w, http.StatusOK, obj{"user": obj{
		"id": c.userID(), "name": c.conf.User, "domain_id": "default", "enabled": true,
	}})
}

func (c *Cloud) getServices(w http.ResponseWriter, _ *http.Request) error {
	services := []any{}
	for _, s := range catalogServices {
		services = append(services, obj{"id": fixedID("service", s.kind), "type": s.kind, "name": s.name, "enabled": true})
	}
	return writeJSON(w, http.StatusOK, obj{"services": services, "links": obj{}})
}
