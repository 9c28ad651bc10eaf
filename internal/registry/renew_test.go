package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

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
					if r.Method == "GET" {
						pass(t.Context(), 70*time.Second)
					}
					return false
				}
				c, err := New([]Host{{Name: srcHost, Handler: src}, {Name: dstHost, Handler: dst}})
				if err != nil {
					t.Fatal(err)
				}
				images, _ := three(t, src.lab)
				src.act(slow)
				table := plan(t, c, images)
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
