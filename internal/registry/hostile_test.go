package registry

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bayplan/bayplan/internal/transport"
)

// A trap is a server that must never be shown a credential, and notes whether
// it was and how often it was asked.
type trap struct {
	mu     sync.Mutex
	asked  int
	leaked []string
	answer http.HandlerFunc
}

func (t *trap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	t.mu.Lock()
	t.asked++
	for _, s := range []string{r.Header.Get("Authorization"), r.Header.Get("Cookie")} {
		if s != "" {
			t.leaked = append(t.leaked, s)
		}
	}
	if strings.Contains(string(b)+r.URL.RawQuery, "s3cret") {
		t.leaked = append(t.leaked, "in the body or query")
	}
	t.mu.Unlock()
	if t.answer != nil {
		t.answer(w, r)
	}
}

func (t *trap) check(tb *testing.T) {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.leaked {
		tb.Errorf("a credential reached another origin: %q", l)
	}
}

const secretWord = "s3cret"

// guarded is a host with the credential that no trap may see.
func guarded(h http.Handler) Host {
	return Host{Name: srcHost, Handler: h, User: "stack", Password: func(context.Context) (string, error) { return secretWord, nil }}
}

// challenging asks for basic credentials and hands what has them on.
func challenging(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, p, _ := r.BasicAuth(); p != secretWord {
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// redirecting sends requests for blobs elsewhere.
func redirecting(next http.Handler, to string, status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if what(r.URL.Path) == "blobs" {
			w.Header().Set("Location", to+r.URL.Path)
			w.WriteHeader(status)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// However a registry redirects, what it redirects to never sees credentials;
// blobs come from there all the same, as from the stores that real ones use.
func TestRedirectsShowNoCredentials(t *testing.T) {
	tests := map[string]struct {
		to    string
		works bool
	}{
		"another host":                    {"https://203.0.113.9", true},
		"the same host, another port":     {"https://198.51.100.1:5001", true},
		"a host below":                    {"https://cdn.198.51.100.1.example", true},
		"the same host and port, no TLS":  {"http://198.51.100.1:5000", false},
		"another host, no TLS":            {"http://203.0.113.9", false},
		"another host, with user and all": {"https://stack:x@203.0.113.9", true},
	}
	for name, tt := range tests {
		for _, status := range []int{302, 307} {
			t.Run(fmt.Sprint(name, " ", status), func(t *testing.T) {
				src := newLab(t)
				want := src.image(t, "ns/app", "1", map[string]string{"a": "b"}, random(1, 100))
				u, err := url.Parse(tt.to)
				if err != nil {
					t.Fatal(err)
				}
				other := &trap{answer: src.Handler.ServeHTTP}
				hosts := []Host{guarded(challenging(redirecting(src, tt.to, status)))}
				if u.Host != srcHost {
					hosts = append(hosts, Host{Name: u.Host, Handler: other})
				}
				c := newClient(t, hosts...)
				_, d, err := c.Labels(t.Context(), srcHost+"/ns/app:1")
				if (err == nil) != tt.works {
					t.Errorf("got %v, want it to work: %v", err, tt.works)
				}
				if err == nil && d.Digest != want {
					t.Errorf("got %s", d.Digest)
				}
				if tt.to != "https://stack:x@203.0.113.9" {
					other.check(t)
				} else if strings.Contains(fmt.Sprint(other.leaked), secretWord) {
					t.Errorf("leaked %q", other.leaked)
				}
			})
		}
	}
}

// What a redirect leads to may ask for credentials as it likes.
func TestRedirectThenChallenge(t *testing.T) {
	for _, ask := range []string{`Basic realm="r"`, `Bearer realm="https://203.0.113.9/token",service="x"`, `Bearer realm="https://198.51.100.1:5000/token"`} {
		src := newLab(t)
		src.image(t, "ns/app", "1", nil, random(1, 100))
		other := &trap{answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", ask)
			w.WriteHeader(http.StatusUnauthorized)
		}}
		c := newClient(t, guarded(challenging(redirecting(src, "https://203.0.113.9", 307))), Host{Name: "203.0.113.9", Handler: other})
		_, _, err := c.Labels(t.Context(), srcHost+"/ns/app:1")
		if err == nil || !strings.Contains(err.Error(), srcHost+" redirects to 203.0.113.9, which answers 401 Unauthorized") {
			t.Errorf("%s: got %v", ask, err)
		}
		if other.asked != 1 {
			t.Errorf("%s: asked %d times", ask, other.asked)
		}
		other.check(t)
	}
}

func TestForeignLayersAreNotFetched(t *testing.T) {
	src, _, c := pair(t)
	src.image(t, "ns/app", "1", nil)
	other := &trap{}
	s := httptest.NewServer(other)
	t.Cleanup(s.Close)
	conf := src.blob(t, "ns/app", []byte(`{}`))
	conf["mediaType"] = "application/vnd.docker.container.image.v1+json"
	conf["urls"] = []string{s.URL + "/conf"}
	layer := map[string]any{
		"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "digest": digestOf([]byte("absent")), "size": 6,
		"urls": []string{s.URL + "/layer"},
	}
	m, _ := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": schema2, "config": conf, "layers": []any{layer}})
	src.act(serve("/v2/ns/app/manifests/", schema2, m))
	table := plan(t, c, []Image{{Source: srcHost + "/ns/app:1", Target: dstHost + "/ns/app:1"}})
	if err := c.Execute(t.Context(), table, Options{}); err == nil {
		t.Error("an image with a layer that is not there was copied")
	}
	if other.asked != 0 {
		t.Errorf("the layer's urls were followed %d times", other.asked)
	}
}

// Nothing that is sent goes to another place than it was meant for.
func TestUploadsStayWhereTheyAre(t *testing.T) {
	for _, to := range []string{"https://203.0.113.9/v2/x", "https://192.0.2.1:8788/v2/x", "http://192.0.2.1:8787/v2/x"} {
		for _, how := range []string{"location", "redirect"} {
			src, lab := newLab(t), newLab(t)
			images, _ := three(t, src)
			other := &trap{answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) }}
			lab.act(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPost {
					return false
				}
				w.Header().Set("Location", to)
				w.WriteHeader(map[string]int{"location": http.StatusAccepted, "redirect": http.StatusPermanentRedirect}[how])
				return true
			})
			dst := guarded(challenging(lab))
			dst.Name = dstHost
			c := newClient(t, Host{Name: srcHost, Handler: src}, dst,
				Host{Name: "203.0.113.9", Handler: other}, Host{Name: "192.0.2.1:8788", Handler: other})
			err := c.Execute(t.Context(), plan(t, c, images), Options{})
			if err == nil {
				t.Errorf("%s %s: no error", how, to)
			}
			if how == "location" && !strings.Contains(err.Error(), "it sends uploads to another host") {
				t.Errorf("%s %s: got %v", how, to, err)
			}
			if other.asked != 0 {
				t.Errorf("%s %s: followed", how, to)
			}
			other.check(t)
		}
	}
}

func TestLargeManifestsWithTwoReadings(t *testing.T) {
	conf := fmt.Sprintf(`{"mediaType":"application/vnd.docker.container.image.v1+json","digest":%q,"size":2}`, digestOf([]byte("{}")))
	zipped := &bytes.Buffer{}
	z := gzip.NewWriter(zipped)
	for range 64 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	tests := map[string]struct {
		contentType, body, encoding, want string
	}{
		"a key in another case beside it":  {schema2, `{"schemaVersion":2,"mediaType":"` + schema2 + `","config":` + conf + `,"layers":[],"Layers":[` + conf + `]}`, "", `"Layers" is "layers" in another case`},
		"a key in another case alone":      {schema2, `{"schemaVersion":2,"mediaType":"` + schema2 + `","config":` + conf + `,"LAYERS":[]}`, "", `"LAYERS" is "layers" in another case`},
		"a letter that folds to another":   {schema2, `{"schemaVersion":2,"mediaType":"` + schema2 + `","config":` + conf + `,"layers":[],"layerſ":[]}`, "", "in another case"},
		"in a descriptor":                  {schema2, `{"schemaVersion":2,"mediaType":"` + schema2 + `","config":` + strings.Replace(conf, `"size"`, `"Size"`, 1) + `,"layers":[]}`, "", `"Size" is "size" in another case`},
		"a key twice":                      {schema2, `{"schemaVersion":2,"mediaType":"` + schema2 + `","config":` + conf + `,"layers":[],"layers":[]}`, "", `"layers" stands in it twice`},
		"a key twice, once written by \\u": {schema2, `{"schemaVersion":2,"mediaType":"` + schema2 + `","config":` + conf + `,"layers":[],"layer\u0073":[]}`, "", `"layers" stands in it twice`},
		"sent as another type":             {ociType, `{"schemaVersion":2,"mediaType":"` + schema2 + `","config":` + conf + `,"layers":[]}`, "", "is sent with the media type"},
		"sent as text":                     {"text/plain", `{"schemaVersion":2,"mediaType":"` + schema2 + `","config":` + conf + `,"layers":[]}`, "", "is sent with the media type"},
		"index and image at once":          {ociType, `{"schemaVersion":2,"manifests":[],"layers":[]}`, "", "an index and an image at once"},
		"very deep":                        {schema2, `{"a":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`, "", "nested more than"},
		"compressed":                       {schema2, zipped.String(), "gzip", "compressed"},
		"too large, without a length":      {schema2, `{"a":"` + strings.Repeat("x", 5<<20) + `"}`, "", "too large"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Host{Name: srcHost, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.contentType)
				if tt.encoding != "" {
					w.Header().Set("Content-Encoding", tt.encoding)
				}
				w.(http.Flusher).Flush()
				_, _ = io.WriteString(w, tt.body)
			})})
			_, _, err := c.Labels(t.Context(), srcHost+"/a:1")
			if KindOf(err) != Mismatch || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// Keys of annotations are anybody's, and a type may have parameters.
func TestManifestsThatOnlyLookOdd(t *testing.T) {
	body := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":%q,"size":2},"layers":[],"annotations":{"Size":"1","size":"2"}}`, schema2, digestOf([]byte("{}")))
	src, _, c := pair(t)
	src.blob(t, "a", []byte("{}"))
	src.act(serve("/v2/a/manifests/", schema2+"; charset=utf-8", body))
	if _, _, err := c.Labels(t.Context(), srcHost+"/a:1"); err != nil {
		t.Error(err)
	}
}

// A digest that the manifest does not have is told by a head, where the
// destination has another image of that name, or with the manifest itself.
func TestDigestIsALie(t *testing.T) {
	for _, there := range []bool{true, false} {
		src, dst, c := pair(t)
		src.image(t, "ns/app", "1", nil, random(1, 10))
		if there {
			dst.image(t, "ns/app", "1", nil, random(2, 10))
		}
		lie := digestOf([]byte("something else"))
		src.act(func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", schema2)
			w.Header().Set("Docker-Content-Digest", lie)
			_, _ = io.WriteString(w, `{"schemaVersion":2,"mediaType":"`+schema2+`"}`)
			return true
		})
		src.reset()
		err := plan(t, c, []Image{{Source: srcHost + "/ns/app:1", Target: dstHost + "/ns/app:1"}}).Err()
		if KindOf(err) != Mismatch || !strings.Contains(err.Error(), "source: ") {
			t.Errorf("there %v: got %v", there, err)
		}
		if asked := src.counts["HEAD manifests"] > 0; asked != there {
			t.Errorf("there %v: %v", there, src.counts)
		}
	}
}

// A huge manifest is not read to its end.
func TestHugeManifest(t *testing.T) {
	var sent atomic.Int64
	c := newClient(t, Host{Name: srcHost, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", schema2)
		w.(http.Flusher).Flush()
		chunk := bytes.Repeat([]byte(" "), 64<<10)
		for range 200 << 20 / len(chunk) {
			n, err := w.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})})
	_, _, err := c.Labels(t.Context(), srcHost+"/a:1")
	if KindOf(err) != Mismatch || sent.Load() > 5<<20 {
		t.Errorf("got %v after %d bytes", err, sent.Load())
	}
}

// A body that stalls is given up after 30 seconds without a byte, and the
// rest is asked for.
func TestStalledBlob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, dst := newLab(t), newLab(t)
		c, err := New([]Host{{Name: srcHost, Handler: src}, {Name: dstHost, Handler: dst}})
		if err != nil {
			t.Fatal(err)
		}
		images, base := three(t, src)
		var whole, rest atomic.Int32
		src.act(func(w http.ResponseWriter, r *http.Request) bool {
			if !blobPath(r, "GET", base) {
				return false
			}
			if r.Header.Get("Range") != "" {
				rest.Add(1)
				return false
			}
			whole.Add(1)
			w.Header().Set("Content-Length", fmt.Sprint(len(base)))
			_, _ = w.Write(base[:1000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return true
		})
		start := time.Now()
		if err := c.Execute(t.Context(), plan(t, c, images), Options{Parallel: 1}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < transport.Idle || took > transport.Idle+5*time.Second {
			t.Errorf("took %v", took)
		}
		if whole.Load() != 1 || rest.Load() != 1 {
			t.Errorf("the whole was asked for %d times, the rest %d times", whole.Load(), rest.Load())
		}
		mirrored(t, c, images)
	})
}

// Who is asked to come back later does so then, and no sooner.
func TestRetryAfterIsKept(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		synctest.Test(t, func(t *testing.T) {
			src := newGate(t, time.Hour)
			want := src.image(t, "ns/app", "1", nil)
			c, err := New([]Host{{Name: srcHost, Handler: src}})
			if err != nil {
				t.Fatal(err)
			}
			busy := 2
			src.act(func(w http.ResponseWriter, _ *http.Request) bool {
				if busy == 0 {
					return false
				}
				busy--
				w.Header().Set("Retry-After", "20")
				w.WriteHeader(status)
				return true
			})
			start := time.Now()
			d, err := c.Resolve(t.Context(), srcHost+"/ns/app:1")
			if took := time.Since(start); err != nil || d.Digest != want || took != 40*time.Second {
				t.Errorf("%d: %v, %v after %v", status, d, err, took)
			}
		})
	}
}

// Redirects that lead nowhere are told without the library's names for the request.
func TestRedirectsInACircle(t *testing.T) {
	src, _, c := pair(t)
	src.act(func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, r.URL.Path, http.StatusMovedPermanently)
		return true
	})
	err := plan(t, c, []Image{{Source: srcHost + "/ns/app:1", Target: dstHost + "/ns/app:1"}}).Err()
	if err == nil || !strings.HasSuffix(err.Error(), srcHost+"/ns/app:1: stopped after 10 redirects") {
		t.Errorf("got %v", err)
	}
}
