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
	"sync/atomic"
	"testing"
	"testing/synctest"
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

// A gate is a registry behind tokens that live for some time by its own clock.
type gate struct {
	*lab
	life    time.Duration
	says    func(token string) string // the token server's answer
	mu      sync.Mutex
	tokens  map[string]time.Time // when each ends
	scopes  []string             // of each request for a token
	account string               // of the last one
}

func newGate(t *testing.T, life time.Duration) *gate {
	g := &gate{lab: newLab(t), life: life, tokens: map[string]time.Time{}}
	g.says = func(token string) string {
		return fmt.Sprintf(`{"token":%q,"expires_in":%d}`, token, int(life.Seconds()))
	}
	return g
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	if r.URL.Path == "/token" {
		token := fmt.Sprint("token-", len(g.scopes))
		g.scopes = append(g.scopes, strings.Join(r.URL.Query()["scope"], " "))
		g.account = r.URL.Query().Get("account")
		g.tokens[token] = time.Now().Add(g.life)
		_, _ = io.WriteString(w, g.says(token))
		g.mu.Unlock()
		return
	}
	until, known := g.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	g.mu.Unlock()
	if !known || !time.Now().Before(until) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="/token",service="gate"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	g.lab.ServeHTTP(w, r)
}

// issued gives how many tokens were given.
func (g *gate) issued() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.scopes)
}

// revoke ends all tokens.
func (g *gate) revoke() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.tokens)
}

// Tokens end in mid-run, at both sides, and the run goes on.
func TestTokensAreRenewed(t *testing.T) {
	odd := map[string]func(string) string{
		"expires_in":   nil,
		"no expiry":    func(token string) string { return fmt.Sprintf(`{"token":%q}`, token) },
		"access_token": func(token string) string { return fmt.Sprintf(`{"access_token":%q,"expires_in":"60"}`, token) },
		"expires_at": func(token string) string {
			return fmt.Sprintf(`{"token":%q,"expires_at":%q}`, token, time.Now().Add(time.Minute).UTC().Format(time.RFC3339))
		},
	}
	for name, says := range odd {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, dst := newGate(t, time.Minute), newGate(t, time.Minute)
				if says != nil {
					src.says, dst.says = says, says
				}
				slow := func(w http.ResponseWriter, r *http.Request) bool {
					if what(r.URL.Path) == "blobs" && r.Method == "GET" {
						pass(t.Context(), 20*time.Second)
					}
					return false
				}
				c, err := New([]Host{{Name: srcHost, Handler: src}, {Name: dstHost, Handler: dst}})
				if err != nil {
					t.Fatal(err)
				}
				images, _ := three(t, src.lab)
				table := plan(t, c, images)
				src.act(slow)
				if err := c.Execute(t.Context(), table, Options{Parallel: 1}); err != nil {
					t.Fatal(err)
				}
				if n := src.issued(); n <= 3 {
					t.Errorf("%d tokens: none was renewed", n)
				}
				src.act(nil)
				mirrored(t, c, images)
			})
		})
	}
}

// pass lets virtual time go by.
func pass(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// A token that ends before its time is replaced, also when it was to open the
// way for an upload that cannot be sent twice.
func TestRevokedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, dst := newGate(t, time.Hour), newGate(t, time.Hour)
		c, err := New([]Host{{Name: srcHost, Handler: src}, {Name: dstHost, Handler: dst}})
		if err != nil {
			t.Fatal(err)
		}
		images, _ := three(t, src.lab)
		table := plan(t, c, images)
		pass(t.Context(), time.Minute)
		src.revoke()
		var once atomic.Bool
		dst.act(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == "POST" && !once.Swap(true) {
				pass(r.Context(), time.Minute)
				dst.revoke() // just before the PUT
			}
			return false
		})
		if err := c.Execute(t.Context(), table, Options{Parallel: 1}); err != nil {
			t.Fatal(err)
		}
		mirrored(t, c, images)
	})
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

// A token that ends while a blob stalls does not cost the blob.
func TestResumedWithANewToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, dst := newGate(t, 20*time.Second), newLab(t)
		c, err := New([]Host{{Name: srcHost, Handler: src}, {Name: dstHost, Handler: dst}})
		if err != nil {
			t.Fatal(err)
		}
		images, base := three(t, src.lab)
		var whole atomic.Int32
		src.act(func(w http.ResponseWriter, r *http.Request) bool {
			if !blobPath(r, "GET", base) || r.Header.Get("Range") != "" {
				return false
			}
			whole.Add(1)
			w.Header().Set("Content-Length", fmt.Sprint(len(base)))
			_, _ = w.Write(base[:1000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return true
		})
		if err := c.Execute(t.Context(), plan(t, c, images), Options{Parallel: 1}); err != nil {
			t.Fatal(err)
		}
		if whole.Load() != 1 {
			t.Errorf("the whole was asked for %d times", whole.Load())
		}
		mirrored(t, c, images)
	})
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
