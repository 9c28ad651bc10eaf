package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/steps/internal/transport"
)

func TestResolve(t *testing.T) {
	src, _, c := pair(t)
	want := src.image(t, "ns/app", "1", nil, random(1, 100))
	src.reset()
	d, err := c.Resolve(t.Context(), srcHost+"/ns/app:1")
	if err != nil || d.Digest != want || d.MediaType != schema2 {
		t.Errorf("got %+v, %v, want %s", d, err, want)
	}
	if diff := cmp.Diff(map[string]int{"HEAD manifests": 1}, src.counts); diff != "" {
		t.Error(diff)
	}
	for tag, want := range map[string]bool{"1": true, "2": false} {
		if got, err := c.HasTag(t.Context(), srcHost+"/ns/app:"+tag); got != want || err != nil {
			t.Errorf("tag %s: %v, %v", tag, got, err)
		}
	}
	src.image(t, "ns/app", "2", nil, random(1, 100))
	if tags, err := c.Tags(t.Context(), srcHost+"/ns/app:9"); err != nil || !slices.Equal(tags, []string{"1", "2"}) {
		t.Errorf("tags %v, %v", tags, err)
	}
}

func TestResolveWithoutDigestInTheHead(t *testing.T) {
	src, _, c := pair(t)
	want := src.image(t, "ns/app", "1", nil, random(1, 100))
	inner := src.Handler
	src.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(&withoutDigest{ResponseWriter: w}, r)
	})
	d, err := c.Resolve(t.Context(), srcHost+"/ns/app:1")
	if err != nil || d.Digest != want {
		t.Errorf("got %+v, %v, want %s", d, err, want)
	}
}

// withoutDigest is how registries answer that leave the header out.
type withoutDigest struct{ http.ResponseWriter }

func (w *withoutDigest) WriteHeader(s int) {
	w.Header().Del("Docker-Content-Digest")
	w.ResponseWriter.WriteHeader(s)
}

func (w *withoutDigest) Write(p []byte) (int, error) {
	w.Header().Del("Docker-Content-Digest")
	return w.ResponseWriter.Write(p)
}

func TestReferences(t *testing.T) {
	for ref, want := range map[string]string{
		"app:1":                       "does not begin with a registry's host",
		"ns/app:1":                    "does not begin with a registry's host",
		"upstream.example/APP:1":      "is not of the form",
		"upstream.example/app":        "has no tag",
		"upstream.example/":           "does not begin",
		"":                            "does not begin",
		"ocidir://x.y":                "is not of the form",
		"upstream.example/a@sha256:x": "upstream.example/a@sha256:x",
		"upstream.example/a:1@sha256:../../etc/passwd": "upstream.example/a",
	} {
		_, err := newClient(t).Resolve(t.Context(), ref)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", ref, err, want)
		}
	}
	if host, repo, tag, err := Split("[2001:db8::1]:5000/a/b:1"); err != nil || host != "[2001:db8::1]:5000" || repo != "a/b" || tag != "1" {
		t.Errorf("split: %q %q %q %v", host, repo, tag, err)
	}
	host, repo, tag, err := Split("192.0.2.1:8787/rhosp13/openstack-base")
	if err != nil || host != "192.0.2.1:8787" || repo != "rhosp13/openstack-base" || tag != "" {
		t.Errorf("split: %q %q %q %v", host, repo, tag, err)
	}
}

func TestLabels(t *testing.T) {
	src, _, c := pair(t)
	labels := map[string]string{"version": "13.0", "release": "40"}
	plainDigest := src.image(t, "ns/app", "1", labels, random(1, 100))
	src.image(t, "ns/app", "none", nil)
	arm := src.image(t, "ns/app", "arm", map[string]string{"arch": "arm64"})
	index := src.index(t, "ns/app", "multi",
		map[string]any{"mediaType": schema2, "digest": arm, "size": 1, "platform": map[string]any{"os": "linux", "architecture": "arm64"}},
		map[string]any{"mediaType": schema2, "digest": plainDigest, "size": 1, "platform": map[string]any{"os": "linux", "architecture": "amd64"}})
	first := src.index(t, "ns/app", "arm-only",
		map[string]any{"mediaType": schema2, "digest": arm, "size": 1, "platform": map[string]any{"os": "linux", "architecture": "arm64"}})
	tests := []struct {
		tag      string
		want     map[string]string
		digest   string
		requests int
	}{
		{"1", labels, plainDigest, 2},
		{"1", labels, plainDigest, 1}, // remembered
		{"multi", labels, index, 3},
		{"arm-only", map[string]string{"arch": "arm64"}, first, 3},
		{"none", map[string]string{}, "", 2},
	}
	for _, tt := range tests {
		src.reset()
		got, d, err := c.Labels(t.Context(), srcHost+"/ns/app:"+tt.tag)
		if err != nil {
			t.Fatal(tt.tag, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.tag, diff)
		}
		if tt.digest != "" && d.Digest != tt.digest {
			t.Errorf("%s: digest %s, want %s", tt.tag, d.Digest, tt.digest)
		}
		if n := src.total(); n != tt.requests {
			t.Errorf("%s: %d requests, want %d: %v", tt.tag, n, tt.requests, src.counts)
		}
	}
}

func TestCatalog(t *testing.T) {
	src, _, c := pair(t)
	for i := range 25 {
		src.repos[fmt.Sprintf("ns/%02d", i)] = true
	}
	for _, page := range []int{1000, 25, 10, 1} {
		src.page = page
		src.reset()
		got, err := c.Catalog(t.Context(), srcHost)
		if err != nil || len(got) != 25 || got[0] != "ns/00" || got[24] != "ns/24" {
			t.Errorf("pages of %d: %v, %v", page, got, err)
		}
		if want := (25 + page - 1) / page; src.total() != want {
			t.Errorf("pages of %d: %d requests, want %d", page, src.total(), want)
		}
	}
	src.repos = map[string]bool{}
	if got, err := c.Catalog(t.Context(), srcHost); err != nil || len(got) != 0 {
		t.Errorf("empty: %v, %v", got, err)
	}
	if _, err := c.Catalog(t.Context(), ""); err == nil {
		t.Error("a catalog of no host")
	}
}

func TestNoRegistryAtAll(t *testing.T) {
	src, _, _ := pair(t)
	images, _ := three(t, src)
	c := newClient(t, Host{Name: srcHost, Handler: src}, Host{Name: dstHost, Handler: http.NotFoundHandler()})
	_, err := c.Catalog(t.Context(), dstHost)
	if !errors.Is(err, ErrNoRegistry) || !strings.Contains(err.Error(), dstHost) || fault.Hint(err) == "" {
		t.Errorf("got %v", err)
	}
	_, err = c.Plan(t.Context(), images)
	if !errors.Is(err, ErrNoRegistry) || !strings.HasPrefix(err.Error(), "destination: ") {
		t.Errorf("got %v", err)
	}
	src.noCatalog = true // but a registry all the same
	if _, err := c.Catalog(t.Context(), srcHost); KindOf(err) != NotFound || errors.Is(err, ErrNoRegistry) {
		t.Errorf("got %v", err)
	}
}

func TestHostileLists(t *testing.T) {
	tests := map[string]struct{ link, body, want string }{
		"the same page again": {`</v2/_catalog?last=b&n=1000>; rel="next"`, `{"repositories":["a","b"]}`, "brings nothing new"},
		"another host":        {`<https://evil.example/v2/_catalog?last=b>; rel=next`, `{"repositories":["a","b"]}`, "said to be on evil.example"},
		"not a link":          {`<http://[::1>; rel="next"`, `{"repositories":["a"]}`, "the link to the next page"},
		"nowhere":             {`</v2/_catalog>; rel="next"`, `{"repositories":[]}`, "does not say where it begins"},
		"not JSON":            {"", `<html>`, "invalid character"},
		"endless":             {"", `{"repositories":["` + strings.Repeat("a", 17<<20) + `"]}`, "more than 16777216 bytes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Host{Name: srcHost, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if tt.link != "" {
					w.Header().Set("Link", tt.link)
				}
				_, _ = w.Write([]byte(tt.body))
			})})
			_, err := c.Catalog(t.Context(), srcHost)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestHostileTags(t *testing.T) {
	for name, tt := range map[string]struct{ link, want string }{
		"the same page again": {`</v2/ns/app/tags/list>; rel="next"`, "that page again"},
		"another host":        {`<https://evil.example/v2/ns/app/tags/list>; rel="next"`, "said to be on evil.example"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Host{Name: srcHost, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Link", tt.link)
				_, _ = w.Write([]byte(`{"name":"ns/app","tags":[]}`))
			})})
			_, err := c.Tags(t.Context(), srcHost+"/ns/app")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// tokens is a registry whose tokens come from another host; only user stack
// with the right password gets one, and it opens one repository.
func tokens(password string) (registry, server http.Handler) {
	registry = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer good" && strings.HasPrefix(r.URL.Path, "/v2/open/") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://198.51.100.2/token",service="r",scope="repository:`+repository(r.URL.Path)+`:pull"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	server = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, p, ok := r.BasicAuth(); ok && p != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"token": "good"})
	})
	return registry, server
}

func TestKinds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	basic := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Basic "+base64.StdEncoding.EncodeToString([]byte("stack:right")) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	answer := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})
	}
	bearer, auth := tokens("right")
	secret := func(s string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return s, nil }
	}
	tests := map[string]struct {
		host       Host
		repo       string
		kind       Kind
		want, hint string
		connection bool
	}{
		"not found":           {Host{Handler: answer(404, "")}, "a", NotFound, srcHost + "/a:1: not found", "", false},
		"no login, basic":     {Host{Handler: basic}, "a", NoLogin, "asks for credentials, and it is given none", "give the connection", false},
		"bad login, basic":    {Host{Handler: basic, User: "stack", Password: secret("wrong")}, "a", BadLogin, `refuses the credentials of user "stack"`, "check user and password", false},
		"good login, basic":   {Host{Handler: basic, User: "stack", Password: secret("right")}, "a", NotFound, "not found", "", false},
		"anonymous token":     {Host{Handler: bearer}, "closed", Denied, "there is no such repository, or an anonymous user has no right to it", "if it needs credentials", false},
		"bad login, bearer":   {Host{Handler: bearer, User: "stack", Password: secret("wrong")}, "a", BadLogin, `refuses the credentials of user "stack"`, "check user", false},
		"no right, bearer":    {Host{Handler: bearer, User: "stack", Password: secret("right")}, "closed", Denied, `or user "stack" has no right to it`, "", false},
		"good login, bearer":  {Host{Handler: bearer, User: "stack", Password: secret("right")}, "open", NotFound, "not found", "", false},
		"forbidden":           {Host{Handler: answer(403, "")}, "a", Denied, "has no right to it", "if it needs credentials", false},
		"unreachable":         {Host{Address: closed, TLS: transport.Disabled}, "a", Unreachable, srcHost + " (at " + closed + "): no connection to " + closed, "", true},
		"busy":                {Host{Handler: answer(503, "")}, "a", Busy, "answers 503 Service Unavailable", "", true},
		"broken":              {Host{Handler: answer(500, "")}, "a", Busy, "answers 500 Internal Server Error", "", true},
		"odd":                 {Host{Handler: answer(418, `{"errors":[{"code":"TEA","message":"short and stout"}]}`)}, "a", Other, `answers 418 I'm a teapot`, "", false},
		"the secret is away":  {Host{Handler: basic, User: "stack", Password: func(context.Context) (string, error) { return "", errors.New("REGISTRY_TOKEN is not set") }}, "a", Other, `the password of "stack" for ` + srcHost + ": REGISTRY_TOKEN is not set", "", false},
		"the secret is empty": {Host{Handler: basic, User: "stack", Password: secret("")}, "a", Other, "is empty", "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.host.Name = srcHost
			c := newClient(t, tt.host, Host{Name: "198.51.100.2", Handler: auth})
			_, err := c.Resolve(t.Context(), srcHost+"/"+tt.repo+":1")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if KindOf(err) != tt.kind {
				t.Errorf("kind %v, want %v (%v)", KindOf(err), tt.kind, err)
			}
			if got := fault.Hint(err); !strings.Contains(got, tt.hint) || (got == "") != (tt.hint == "") {
				t.Errorf("hint %q, want %q", got, tt.hint)
			}
			if got := fault.IsConnection(err); got != tt.connection {
				t.Errorf("connection class %v, want %v", got, tt.connection)
			}
			for _, secret := range []string{"right", "wrong", base64.StdEncoding.EncodeToString([]byte("stack:wrong"))} {
				if strings.Contains(fmt.Sprintf("%v %+v", err, err), secret) && !strings.Contains(tt.want, "right") {
					t.Errorf("a secret is told: %v", err)
				}
			}
		})
	}
}

func TestTokenServerUnreachable(t *testing.T) {
	bearer, _ := tokens("x")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	c := newClient(t, Host{Name: srcHost, Handler: bearer}, Host{Name: "198.51.100.2", Address: closed})
	_, err = c.Resolve(t.Context(), srcHost+"/a:1")
	if err == nil || KindOf(err) != Unreachable || !strings.Contains(err.Error(), "asking for a token: 198.51.100.2 (at "+closed) {
		t.Errorf("got %v", err)
	}
}

func TestPasswordIsAskedOnce(t *testing.T) {
	asked := 0
	c := newClient(t, Host{Name: srcHost, User: "u", Handler: http.NotFoundHandler(), Password: func(context.Context) (string, error) {
		asked++
		return "p", nil
	}})
	if asked != 0 {
		t.Error("asked before the first use")
	}
	for range 3 {
		_, _ = c.Resolve(t.Context(), srcHost+"/a:1")
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestLaterAnswers(t *testing.T) {
	for _, status := range []int{429, 503} {
		src, _, c := pair(t)
		want := src.image(t, "ns/app", "1", nil)
		left := 2
		src.act(func(w http.ResponseWriter, _ *http.Request) bool {
			if left == 0 {
				return false
			}
			left--
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(status)
			return true
		})
		d, err := c.Resolve(t.Context(), srcHost+"/ns/app:1")
		if err != nil || d.Digest != want {
			t.Errorf("%d twice: %+v, %v", status, d, err)
		}
	}
}

func TestRetryAfterIsBounded(t *testing.T) {
	src, _, c := pair(t)
	src.act(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "86400")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	_, err := c.Resolve(t.Context(), srcHost+"/ns/app:1")
	if KindOf(err) != Busy {
		t.Errorf("got %v", err)
	}
}

// An absent registry is told after the tries for the first images, and not
// after those for each.
func TestAbsentRegistryIsToldOnce(t *testing.T) {
	var asked atomic.Int32
	src, _, _ := pair(t)
	images, _ := src.set(t)
	dst := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		panic(http.ErrAbortHandler)
	})
	c := newClient(t, Host{Name: srcHost, Handler: src}, Host{Name: dstHost, Handler: dst})
	err := plan(t, c, images).Err()
	if err == nil || !strings.Contains(err.Error(), "and 43 more: destination: "+dstHost+": the connection was cut") {
		t.Errorf("got %v", err)
	}
	if n := asked.Load(); n >= tries*setImages {
		t.Errorf("asked %d times", n)
	}
}

func TestWhatARegistrySaysIsWrong(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for body, want := range map[string]string{
		`{"errors":[{"code":"TEA","message":"short and stout"}]}`: `198.51.100.1:5000 answers 418 I'm a teapot ("TEA: short and stout")`,
		`{"errors":[]}`: "answers 418 I'm a teapot",
		`<html>`:        "answers 418 I'm a teapot",
		long:            "answers 418 I'm a teapot",
	} {
		c := newClient(t, Host{Name: srcHost, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = w.Write([]byte(body))
		})})
		_, _, err := c.Labels(t.Context(), srcHost+"/ns/app:1")
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestLabelsThatCannotBeRead(t *testing.T) {
	manifest := func(digest string, size int) []byte {
		return fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":%q,"size":%d},"layers":[]}`, schema2, digest, size)
	}
	text := []byte(`["not a configuration"]`)
	tests := map[string]struct {
		contentType string
		body        []byte
		want        string
	}{
		"a configuration that is none": {schema2, manifest(digestOf(text), len(text)), "cannot unmarshal array"},
		"a huge one":                   {schema2, manifest(digestOf(text), 5<<20), "said to be 5242880 bytes long"},
		"one of another length":        {schema2, manifest(digestOf(text), 5), "would send 23 bytes, the manifest says 5"},
		"one that is not there":        {schema2, manifest("sha256:"+strings.Repeat("a", 64), 5), "not found"},
		"a digest that is none":        {schema2, manifest("sha256:../../x", 5), "invalid checksum digest"},
		"an empty index":               {ociType, []byte(`{"schemaVersion":2,"mediaType":"` + ociType + `","manifests":[]}`), "an index of no images"},
		"a bad index":                  {ociType, []byte(`{"schemaVersion":2,"mediaType":"` + ociType + `","manifests":[{"mediaType":"` + schema2 + `","digest":"sha256:x","size":1}]}`), "a bad digest"},
		"another type than it says":    {ociType, manifest(digestOf(text), 5), "media type"},
		"no manifest at all":           {"text/html", []byte("<html>"), "media type"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			src, _, c := pair(t)
			src.blob(t, "ns/app", text)
			src.act(serve("/v2/ns/app/manifests/", tt.contentType, tt.body))
			_, _, err := c.Labels(t.Context(), srcHost+"/ns/app:1")
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), srcHost+"/ns/app") && !strings.Contains(err.Error(), srcHost) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestLyingDigest(t *testing.T) {
	src, _, c := pair(t)
	src.image(t, "ns/app", "1", nil)
	inner := src.Handler
	src.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(&lying{w}, r)
	})
	if _, _, err := c.Labels(t.Context(), srcHost+"/ns/app:1"); KindOf(err) != Mismatch {
		t.Errorf("got %v", err)
	}
	table := plan(t, c, []Image{{Source: srcHost + "/ns/app:1", Target: dstHost + "/ns/app:1"}})
	if err := table.Err(); err == nil || !strings.Contains(err.Error(), "source: ") {
		t.Errorf("got %v", err)
	}
}

// lying says another digest than that of the body.
type lying struct{ http.ResponseWriter }

func (w *lying) WriteHeader(s int) {
	w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("1", 64))
	w.ResponseWriter.WriteHeader(s)
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for v, want := range map[string]time.Duration{
			"": 0, "7": 7 * time.Second, "-1": 0, "x": 0, "99999999999": 0, "9999999": 1 << 20 * time.Second,
			time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat): 90 * time.Second,
			time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat):       0,
		} {
			if got := retryAfter(http.Header{"Retry-After": {v}}); got != want && v != "99999999999" {
				t.Errorf("%q: %v, want %v", v, got, want)
			}
		}
	})
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := sleep(t.Context(), time.Hour); err != nil || time.Since(start) != time.Hour {
			t.Errorf("slept %v, %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCancelled(t *testing.T) {
	_, _, c := pair(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Resolve(ctx, srcHost+"/ns/app:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Plan(ctx, []Image{{Source: srcHost + "/a:1", Target: dstHost + "/a:1"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
