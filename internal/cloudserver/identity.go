package cloudserver

import (
	"net/http"
	"slices"
	"time"
)

// Where the two services are, below the address of the cloud.
const (
	identityPath = "/v3"
	imagePath    = "/image"
)

// An endpoint answers a request or says why not.
type endpoint func(w http.ResponseWriter, r *http.Request) error

func (c *Cloud) identityRoutes() {
	open := func(pattern string, h endpoint) { c.mux.Handle(pattern, inIdentity(h)) }
	open("GET /{$}", identityVersions)
	open("GET /v3", identityVersion)
	open("GET /v3/{$}", identityVersion)
	open("POST /v3/auth/tokens", c.postToken)

	closed := func(pattern string, h endpoint) { open(pattern, c.withToken(h)) }
	closed("GET /v3/auth/tokens", c.getToken)
	closed("DELETE /v3/auth/tokens", c.deleteToken)
	closed("GET /v3/auth/catalog", c.getCatalog)
	closed("GET /v3/auth/projects", c.getProjects)
	closed("GET /v3/projects", c.getProjects)
	closed("GET /v3/projects/{id}", c.getProject)
	closed("GET /v3/users/{id}", c.getUser)
	closed("GET /v3/services", c.getServices)
	closed("GET /v3/", notFound)
}

func inIdentity(h endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "X-Auth-Token")
		if err := h(w, r); err != nil {
			identityError(w, r, err)
		}
	})
}

// withToken lets only those pass who bring a good token.
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
		obj{"versions": obj{"values": []any{identityAbout(r)}}})
}

func identityVersion(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, http.StatusOK, obj{"version": identityAbout(r)})
}

func identityAbout(r *http.Request) obj {
	return obj{
		"id":          "v3.14",
		"status":      "stable",
		"updated":     "2020-04-07T00:00:00Z",
		"links":       []any{obj{"rel": "self", "href": baseURL(r) + identityPath + "/"}},
		"media-types": []any{obj{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}},
	}
}

// postToken logs somebody in.
func (c *Cloud) postToken(w http.ResponseWriter, r *http.Request) error {
	var l login
	if err := readJSON(r, &l); err != nil {
		return err
	}
	if err := c.identify(&l); err != nil {
		return err
	}
	if err := c.admit(l.Auth.Scope); err != nil {
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
	return writeJSON(w, http.StatusCreated, c.aboutToken(r, t))
}

// expiry is when the new token ends. A token had for a token ends with it:
// otherwise nobody's login would ever end.
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

// subject is the token that the request asks about.
func (c *Cloud) subject(r *http.Request) (token, error) {
	t, ok := c.tokens.find(r.Header.Get("X-Subject-Token"), c.conf.Now())
	if !ok {
		return t, refuse(http.StatusNotFound, "the token in X-Subject-Token is not known or has expired")
	}
	return t, nil
}

func (c *Cloud) getToken(w http.ResponseWriter, r *http.Request) error {
	t, err := c.subject(r)
	if err != nil {
		return err
	}
	w.Header().Set("X-Subject-Token", t.id)
	return writeJSON(w, http.StatusOK, c.aboutToken(r, t))
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
