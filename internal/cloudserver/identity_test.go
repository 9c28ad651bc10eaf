package cloudserver_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/cloudserver"
)

func TestTokens(t *testing.T) {
	c := open(t, cloudserver.Config{})
	scoped := raw{t, c, token(t, c)}
	unscopedBody := `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"admin","domain":{"id":"default"},"password":"bayplan"}}}}}`
	unscoped := raw{t, c, scoped.want(201, "POST", "/v3/auth/tokens", "", unscopedBody).Header().Get("X-Subject-Token")}
	scopedAgain := raw{t, c, scoped.want(201, "POST", "/v3/auth/tokens", "",
		`{"auth":{"identity":{"methods":["token"],"token":{"id":"`+unscoped.token+`"}},"scope":{"project":{"name":"admin","domain":{"id":"default"}}}}}`).
		Header().Get("X-Subject-Token")}
	nobody := raw{t, c, ""}
	foreign := raw{t, c, token(t, open(t, cloudserver.Config{}))}
	for name, tc := range map[string]struct {
		r    raw
		want int
	}{
		"scoped": {scoped, 200}, "scoped later": {scopedAgain, 200},
		"unscoped": {unscoped, 401}, "none": {nobody, 401}, "of another process": {foreign, 401},
	} {
		t.Run(name, func(t *testing.T) {
			tc.r.want(tc.want, "GET", "/image/v2/images", "", "")
		})
	}
	about := func(method string, want int, subject string) {
		t.Helper()
		req := httptest.NewRequestWithContext(t.Context(), method, "http://cloud/v3/auth/tokens", nil)
		req.Header.Set("X-Auth-Token", scoped.token)
		req.Header.Set("X-Subject-Token", subject)
		w := httptest.NewRecorder()
		c.ServeHTTP(w, req)
		if w.Code != want {
			t.Errorf("%s: got %d %s, want %d", method, w.Code, w.Body, want)
		}
	}
	about("GET", 200, unscoped.token)
	about("HEAD", 200, unscoped.token)
	about("GET", 404, "nothing")
	about("DELETE", 204, unscoped.token)
	about("GET", 404, unscoped.token)
}

func TestLoginBodies(t *testing.T) {
	c := open(t, cloudserver.Config{})
	r := raw{t, c, ""}
	userID := decodeBody(t, r.want(201, "POST", "/v3/auth/tokens", "", loginBody))["token"].(map[string]any)["user"].(map[string]any)["id"].(string)
	for name, tc := range map[string]struct {
		body string
		want int
	}{
		"by id":          {`{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"` + userID + `","password":"bayplan"}}}}}`, 201},
		"no domain":      {`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"admin","password":"bayplan"}}}}}`, 400},
		"bad token":      {`{"auth":{"identity":{"methods":["token"],"token":{"id":"old"}}}}`, 401},
		"no methods":     {`{"auth":{"identity":{}}}`, 400},
		"unknown method": {`{"auth":{"identity":{"methods":["totp"]}}}`, 400},
		"one of two":     {`{"auth":{"identity":{"methods":["password","token"],"password":{"user":{"id":"` + userID + `","password":"bayplan"}}}}}`, 400},
		"domain scope":   {strings.Replace(loginBody, `"project":{"name":"admin","domain":{"name":"Default"}}`, `"domain":{"id":"default"}`, 1), 401},
		"no JSON":        {`user=admin`, 400},
		"nothing":        {``, 400},
		"wrong types":    {`{"auth":[]}`, 400},
		"too much":       {`{"a":"` + strings.Repeat("a", 1<<20) + `"}`, 413},
	} {
		t.Run(name, func(t *testing.T) { r.want(tc.want, "POST", "/v3/auth/tokens", "", tc.body) })
	}
	w := r.want(401, "POST", "/v3/auth/tokens", "", strings.Replace(loginBody, `"bayplan"`, `"no"`, 1))
	fault := decodeBody(t, w)["error"].(map[string]any)
	if fault["code"] != float64(401) || fault["title"] != "Unauthorized" || fault["message"] == "" {
		t.Errorf("got %v", fault)
	}
}

func TestDiscovery(t *testing.T) {
	r := rawClient(t, cloudserver.Config{})
	nobody := raw{t, r.h, ""}
	for path, want := range map[string]int{
		"/": 300, "/v3": 200, "/v3/": 200, "/image": 300, "/image/": 300, "/image/versions": 200,
		"/v3/projects": 401, "/image/v2/images": 401, "/image/v2/": 401, "/other": 404,
	} {
		nobody.want(want, "GET", path, "", "")
	}
	for path, want := range map[string]int{
		"/v3/auth/catalog": 200, "/v3/auth/projects": 200, "/v3/projects": 200, "/v3/projects?name=x": 200, "/v3/services": 200,
		"/v3/projects/x": 404, "/v3/users/x": 404, "/v3/regions": 404, "/image/v2/schemas/image": 200, "/image/v2/schemas/images": 200,
		"/image/v2/schemas/x": 404, "/image/v2/info/stores": 200, "/image/v2/info/import": 200, "/image/v2/what": 404,
		"/image/v2/images/" + idA + "/tasks": 404,
	} {
		r.want(want, "GET", path, "", "")
	}
}
