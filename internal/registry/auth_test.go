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

func TestChallenges(t *testing.T) {
	tests := map[string]struct {
		headers []string
		want    []challenge
	}{
		"bearer": {
			[]string{`Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"`},
			[]challenge{{"bearer", map[string]string{"realm": "https://auth.example/token", "service": "registry.example", "scope": "repository:a/b:pull,push"}}},
		},
		"basic and bearer in one line": {
			[]string{`Basic realm="r", Bearer realm="x", service=y`},
			[]challenge{{"basic", map[string]string{"realm": "r"}}, {"bearer", map[string]string{"realm": "x", "service": "y"}}},
		},
		"in two lines": {
			[]string{`Negotiate`, `BASIC Realm=r`},
			[]challenge{{"negotiate", nil}, {"basic", map[string]string{"realm": "r"}}},
		},
		"quotes in quotes": {[]string{`Basic realm="a\"b, c=\"d\""`}, []challenge{{"basic", map[string]string{"realm": `a"b, c="d"`}}}},
		"odd spaces":       {[]string{`  Bearer   realm = "x" ,  service= "y" `}, []challenge{{"bearer", map[string]string{"realm": "x", "service": "y"}}}},
		"an open quote":    {[]string{`Basic realm="abc`}, []challenge{{"basic", map[string]string{"realm": "abc"}}}},
		"nothing":          {[]string{"", " , "}, nil},
		"no header":        {nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := challenges(http.Header{"Www-Authenticate": tt.headers})
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(challenge{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzChallenges(f *testing.F) {
	for _, s := range []string{`Bearer realm="x",scope="a:b:c"`, `Basic`, `a="b`, `,,=,"`, `x y=z, w`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range challenges(http.Header{"Www-Authenticate": {s}}) {
			if c.scheme != strings.ToLower(c.scheme) || len(c.scopes()) > maxScopes {
				t.Errorf("%q: %+v", s, c)
			}
		}
	})
}

func TestParseToken(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		body string
		text string
		life time.Duration // with what is left for safety
		want string
	}{
		"as it should be":                 {`{"token":"t","expires_in":300,"issued_at":"2026-11-22T10:00:00Z"}`, "t", 295 * time.Second, ""},
		"access_token":                    {`{"access_token":"t","expires_in":300}`, "t", 295 * time.Second, ""},
		"both":                            {`{"token":"t","access_token":"u","expires_in":300}`, "t", 295 * time.Second, ""},
		"no expiry":                       {`{"token":"t"}`, "t", 55 * time.Second, ""},
		"an expiry of null":               {`{"token":"t","expires_in":null}`, "t", 55 * time.Second, ""},
		"an expiry in the past":           {`{"token":"t","expires_in":-5}`, "t", 55 * time.Second, ""},
		"a short life":                    {`{"token":"t","expires_in":4}`, "t", 2 * time.Second, ""},
		"a very long life":                {`{"token":"t","expires_in":1e300}`, "t", 24*time.Hour - 5*time.Second, ""},
		"seconds as text":                 {`{"token":"t","expires_in":"300"}`, "t", 295 * time.Second, ""},
		"seconds with a fraction":         {`{"token":"t","expires_in":300.5}`, "t", 295500 * time.Millisecond, ""},
		"expires_at":                      {`{"token":"t","expires_at":"2026-11-22T10:05:00Z"}`, "t", 295 * time.Second, ""},
		"expires_at, with a zone":         {`{"token":"t","expires_at":"2026-11-22T11:05:00+01:00"}`, "t", 295 * time.Second, ""},
		"expires_at, as Ruby writes it":   {`{"token":"t","expires_at":"2026-11-22 10:05:00 UTC"}`, "t", 295 * time.Second, ""},
		"expires_at, without a zone":      {`{"token":"t","expires_at":"2026-11-22T10:05:00"}`, "t", 295 * time.Second, ""},
		"expires_at, a number":            {`{"token":"t","expires_at":1795341900}`, "t", 295 * time.Second, ""},
		"expires_at by a clock that lags": {`{"token":"t","expires_at":"2026-11-22T09:05:00Z","issued_at":"2026-11-22T09:00:00Z"}`, "t", 295 * time.Second, ""},
		"expires_at that has passed":      {`{"token":"t","expires_at":"2026-11-22T09:05:00Z"}`, "t", 55 * time.Second, ""},
		"expires_at, unreadable":          {`{"token":"t","expires_at":"soon"}`, "t", 55 * time.Second, ""},
		"both expiries":                   {`{"token":"t","expires_in":300,"expires_at":"2026-11-22T12:00:00Z"}`, "t", 295 * time.Second, ""},
		"no token":                        {`{"expires_in":300}`, "", 0, "there is no token"},
		"an empty answer":                 {``, "", 0, "not what a token server says"},
		"a page":                          {`<html>`, "", 0, "not what a token server says"},
		"a list":                          {`[]`, "", 0, "not what a token server says"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseToken([]byte(tt.body), now)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if err == nil && (got.text != tt.text || got.until.Sub(now) != tt.life) {
				t.Errorf("got %q for %v, want %q for %v", got.text, got.until.Sub(now), tt.text, tt.life)
			}
		})
	}
}

func TestCovers(t *testing.T) {
	tests := []struct {
		have, want string
		yes        bool
	}{
		{"repository:a:pull,push", "repository:a:pull", true},
		{"repository:a:pull", "repository:a:pull,push", false},
		{"repository:a:pull", "repository:b:pull", false},
		{"repository:a/b:pull", "repository:a:pull", false},
		{"registry:catalog:*", "registry:catalog:*", true},
		{"odd", "odd", true},
		{"odd", "repository:a:pull", false},
	}
	for _, tt := range tests {
		if got := covers(tt.have, tt.want); got != tt.yes {
			t.Errorf("%s covers %s: %v", tt.have, tt.want, got)
		}
	}
	if got := union([]string{"repository:a:pull,push"}, []string{"repository:a:pull", "repository:b:pull"}); len(got) != 2 {
		t.Errorf("got %q", got)
	}
}

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
