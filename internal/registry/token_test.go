package registry

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A tokenLab puts a lab behind tokens: each names the scopes that it is good
// for, and a request is answered only with all that it needs.
type tokenLab struct {
	*lab
	mu     sync.Mutex
	issued int
	scopes int // the most that one token was good for
}

func (l *tokenLab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		l.token(w, r)
		return
	}
	need := l.need(r)
	have := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), " ")
	for _, n := range need {
		if !slices.Contains(have, n) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://`+r.Host+`/token",service="lab",scope="`+strings.Join(actions(need), " ")+`"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
	}
	l.lab.ServeHTTP(w, r)
}

// need lists what a request needs, one action each: "repository:ns/a:push".
func (l *tokenLab) need(r *http.Request) []string {
	if r.URL.Path == "/v2/_catalog" {
		return []string{"registry:catalog:*"}
	}
	repo := "repository:" + repository(r.URL.Path)
	if r.Method == "GET" || r.Method == "HEAD" {
		return []string{repo + ":pull"}
	}
	need := []string{repo + ":pull", repo + ":push"}
	if from := r.URL.Query().Get("from"); from != "" {
		need = append(need, "repository:"+from+":pull")
	}
	return need
}

// actions writes needs as a challenge does; only the first repository is told,
// as registries do when a mount is asked for.
func actions(need []string) []string {
	if len(need) >= 2 {
		return []string{need[0] + ",push"}
	}
	return need
}

func (l *tokenLab) token(w http.ResponseWriter, r *http.Request) {
	if u, p, ok := r.BasicAuth(); !ok || u != "stack" || p != "right" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var all []string
	for _, scope := range r.URL.Query()["scope"] {
		i := strings.LastIndex(scope, ":")
		for _, a := range strings.Split(scope[i+1:], ",") {
			all = append(all, scope[:i+1]+a)
		}
	}
	l.mu.Lock()
	l.issued++
	l.scopes = max(l.scopes, len(all))
	l.mu.Unlock()
	_ = json.NewEncoder(w).Encode(map[string]any{"token": strings.Join(all, " "), "expires_in": 300})
}

func TestTokens(t *testing.T) {
	src, dst := &tokenLab{lab: newLab(t)}, &tokenLab{lab: newLab(t)}
	secret := func(context.Context) (string, error) { return "right", nil }
	c := newClient(t,
		Host{Name: srcHost, Handler: src, User: "stack", Password: secret},
		Host{Name: dstHost, Handler: dst, User: "stack", Password: secret})
	images, unique := src.set(t)
	table := plan(t, c, images)
	src.out = 0
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	if src.out != unique {
		t.Errorf("pulled %d bytes, want %d", src.out, unique)
	}
	if dst.counts["PUT blobs/uploads"] != setBlobs {
		t.Errorf("%v: mounts were refused", dst.counts)
	}
	mirrored(t, c, images)
	if src.scopes > 1 {
		t.Errorf("a token of the source is good for %d scopes: they pile up", src.scopes)
	}
	if src.issued > setImages {
		t.Errorf("%d tokens of the source for %d repositories", src.issued, setImages)
	}
}
