package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
)

// Each token is good for what is needed and no more; one that is there is used.
func TestScopes(t *testing.T) {
	src, dst := newGate(t, time.Hour), newGate(t, time.Hour)
	c := newClient(t, Host{Name: srcHost, Handler: src}, Host{Name: dstHost, Handler: dst})
	images, _ := three(t, src.lab)
	if err := c.Execute(t.Context(), plan(t, c, images), Options{Parallel: 1}); err != nil {
		t.Fatal(err)
	}
	want := []string{"repository:ns/a:pull", "repository:ns/b:pull", "repository:ns/c:pull"}
	if got := slices.Sorted(slices.Values(src.scopes)); !slices.Equal(got, want) {
		t.Errorf("source: %q", got)
	}
	for _, scope := range dst.scopes {
		if strings.Count(scope, "repository:") > 2 {
			t.Errorf("a token of the destination is good for %q", scope)
		}
	}
	sorted := slices.Sorted(slices.Values(dst.scopes))
	if once := slices.Compact(slices.Clone(sorted)); !slices.Equal(once, sorted) {
		t.Errorf("destination: asked twice for one token: %q", sorted)
	}
}

// What a login elsewhere has left is exchanged, and a token itself is shown.
func TestOtherCredentials(t *testing.T) {
	var forms []string
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			_ = r.ParseForm()
			forms = append(forms, r.Method+" "+r.PostForm.Get("grant_type")+" "+r.PostForm.Get("refresh_token")+" "+r.PostForm.Get("scope")+" "+r.URL.RawQuery)
			_, _ = io.WriteString(w, `{"access_token":"exchanged"}`)
		case r.Header.Get("Authorization") == "Bearer exchanged", r.Header.Get("Authorization") == "Bearer given":
			w.WriteHeader(http.StatusNotFound)
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="/token"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	var looked []string
	c := newClient(t, Host{Name: srcHost, Handler: handler, Lookup: func(_ context.Context, repository string) (Credential, error) {
		looked = append(looked, repository)
		return Credential{Identity: "identity"}, nil
	}})
	for range 2 {
		if _, err := c.Resolve(t.Context(), srcHost+"/a/b:1"); KindOf(err) != NotFound {
			t.Errorf("got %v", err)
		}
	}
	if diff := cmp.Diff([]string{"POST refresh_token identity repository:a/b:pull "}, forms); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.Equal(looked, []string{"a/b"}) {
		t.Errorf("looked up %q", looked)
	}
	text := "given"
	given := func(context.Context) (string, error) { return text, nil }
	c = newClient(t, Host{Name: srcHost, Handler: handler, Token: given})
	if _, err := c.Resolve(t.Context(), srcHost+"/a/b:1"); KindOf(err) != NotFound {
		t.Errorf("got %v", err)
	}
	text = "wrong"
	c = newClient(t, Host{Name: srcHost, Handler: handler, Token: given})
	_, err := c.Resolve(t.Context(), srcHost+"/a/b:1")
	if KindOf(err) != BadLogin || err.Error() != srcHost+" refuses the credentials of the holder of the token" || !strings.Contains(fault.Hint(err), "check the token") {
		t.Errorf("got %v, %s", err, fault.Hint(err))
	}
	c = newClient(t, Host{Name: srcHost, Handler: handler, Lookup: func(context.Context, string) (Credential, error) {
		return Credential{}, errors.New("auth.json is broken")
	}})
	if _, err := c.Resolve(t.Context(), srcHost+"/a/b:1"); err == nil || err.Error() != "credentials for "+srcHost+": auth.json is broken" {
		t.Errorf("got %v", err)
	}
}

// A wrong password is tried again once, to be sure, and not for every image:
// accounts are locked for less.
func TestWrongPasswordIsNotTriedAgainAndAgain(t *testing.T) {
	for _, scheme := range []string{"Basic", "Bearer"} {
		var mu sync.Mutex
		tried := 0
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, _, ok := r.BasicAuth(); ok {
				mu.Lock()
				tried++
				mu.Unlock()
			}
			w.Header().Set("WWW-Authenticate", scheme+` realm="/token"`)
			w.WriteHeader(http.StatusUnauthorized)
		})
		c := newClient(t, guarded(handler))
		for i := range 5 {
			_, err := c.Resolve(t.Context(), fmt.Sprintf("%s/app%d:1", srcHost, i))
			if KindOf(err) != BadLogin {
				t.Errorf("%s: got %v", scheme, err)
			}
		}
		if tried != 2 {
			t.Errorf("%s: tried %d times", scheme, tried)
		}
	}
}

// What is asked for first is not there, and 401 says so: the credentials are
// good for the others all the same.
func TestNotFoundAs401AtFirst(t *testing.T) {
	for _, bearer := range []bool{false, true} {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, p, _ := r.BasicAuth()
			in := p == secretWord && !bearer || r.Header.Get("Authorization") == "Bearer good"
			switch {
			case r.URL.Path == "/token" && p == secretWord && !strings.Contains(r.URL.Query().Get("scope"), "closed"):
				_, _ = io.WriteString(w, `{"token":"good"}`)
			case r.URL.Path == "/token":
				w.WriteHeader(http.StatusUnauthorized)
			case in && r.URL.Path == "/v2/":
				w.WriteHeader(http.StatusOK)
			case in && strings.Contains(r.URL.Path, "/open/"):
				w.WriteHeader(http.StatusNotFound)
			default:
				w.Header().Set("WWW-Authenticate", map[bool]string{true: `Bearer realm="/token"`, false: `Basic realm="r"`}[bearer])
				w.WriteHeader(http.StatusUnauthorized)
			}
		})
		c := newClient(t, guarded(handler))
		for _, tt := range []struct {
			repo string
			want Kind
		}{{"closed/a", Denied}, {"open/a", NotFound}, {"closed/b", Denied}} {
			if _, err := c.Resolve(t.Context(), srcHost+"/"+tt.repo+":1"); KindOf(err) != tt.want {
				t.Errorf("%s: got %v", tt.repo, err)
			}
		}
	}
}

// A registry that once took the credentials, and answers 401 for what is not there.
func TestNotFoundAs401(t *testing.T) {
	for _, bearer := range []bool{false, true} {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _, basic := r.BasicAuth()
			switch {
			case r.URL.Path == "/token":
				_ = json.NewEncoder(w).Encode(map[string]any{"token": "good"})
				return
			case (basic && !bearer || r.Header.Get("Authorization") == "Bearer good") && strings.Contains(r.URL.Path, "/open/"):
				w.WriteHeader(http.StatusNotFound)
				return
			}
			w.Header().Set("WWW-Authenticate", map[bool]string{true: `Bearer realm="/token"`, false: `Basic realm="r"`}[bearer])
			w.WriteHeader(http.StatusUnauthorized)
		})
		c := newClient(t, guarded(handler))
		if _, err := c.Resolve(t.Context(), srcHost+"/open/app:1"); KindOf(err) != NotFound {
			t.Errorf("got %v", err)
		}
		_, err := c.Resolve(t.Context(), srcHost+"/closed/app:1")
		if KindOf(err) != Denied || !strings.Contains(err.Error(), `there is no such repository, or user "stack" has no right to it`) {
			t.Errorf("got %v", err)
		}
	}
}
