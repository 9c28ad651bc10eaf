package registry

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A link to the next page that names the registry in another way, as one behind a proxy
// does, is followed by its query. The other host is asked for nothing.
func TestLinksByOtherNames(t *testing.T) {
	const digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	for name, link := range map[string]string{
		"the path alone":        `<%s?%s>; rel="next"`,
		"the same host":         `<https://` + srcHost + `%s?%s>; rel="next"`,
		"another scheme":        `<http://` + srcHost + `%s?%s>; rel="next"`,
		"another port":          `<https://198.51.100.1:8443%s?%s>; rel="next"`,
		"another host":          `<https://other.example%s?%s>; rel="next"`,
		"a host, and no scheme": `<//other.example%s?%s>; rel=next`,
		"a prefix of the proxy": `<https://other.example/registry%s?%s>; rel="next"`,
		"two links":             `<https://other.example%s?%s>; rel="next", <https://other.example/>; rel="up"`,
	} {
		for _, query := range []string{"last=1&n=1", "next_page=token%2F1", "n=1&last=a%2Fb"} {
			t.Run(name+" "+query, func(t *testing.T) {
				var elsewhere atomic.Int32
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					index := 0
					if r.URL.RawQuery == query {
						index = 1
					} else {
						w.Header().Set("Link", fmt.Sprintf(link, r.URL.Path, query))
					}
					w.Header().Set("Content-Type", "application/json")
					switch {
					case strings.HasSuffix(r.URL.Path, "/_catalog"):
						fmt.Fprintf(w, `{"repositories":["ns/%d"]}`, index)
					case strings.HasSuffix(r.URL.Path, "/tags/list"):
						fmt.Fprintf(w, `{"name":"ns/app","tags":["%d"]}`, index)
					case strings.Contains(r.URL.Path, "/referrers/"):
						w.Header().Set("Content-Type", ociType)
						fmt.Fprintf(w, `{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%q,"digest":"sha256:%064d","size":2}]}`, ociType, schema2, index+1)
					}
				})
				other := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
				c := newClient(t, Host{Name: srcHost, Handler: handler}, Host{Name: "other.example", Handler: other}, Host{Name: "198.51.100.1:8443", Handler: other})
				names, err := c.Catalog(t.Context(), srcHost)
				if diff := cmp.Diff([]string{"ns/0", "ns/1"}, names); diff != "" || err != nil {
					t.Errorf("catalog: %v (-want +got):\n%s", err, diff)
				}
				tags, err := c.AllTags(t.Context(), srcHost+"/ns/app")
				if diff := cmp.Diff([]string{"0", "1"}, tags); diff != "" || err != nil {
					t.Errorf("tags: %v (-want +got):\n%s", err, diff)
				}
				r, err := parse(srcHost + "/ns/app@" + digest)
				if err != nil {
					t.Fatal(err)
				}
				if found, err := c.referrers(t.Context(), r, &tagLists{}); err != nil || len(found) != 2 {
					t.Errorf("referrers: %v, %v", found, err)
				}
				if n := elsewhere.Load(); n > 0 {
					t.Errorf("%d requests to another host", n)
				}
			})
		}
	}
}

// Pages that go round, one after the other, are caught.
func TestLinksInALoop(t *testing.T) {
	for name, host := range map[string]string{"own": "", "another": "https://other.example"} {
		c := newClient(t, Host{Name: srcHost, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next := map[string]string{"last=a": "last=b", "last=b": "last=c"}[r.URL.RawQuery]
			if next == "" {
				next = "last=a"
			}
			w.Header().Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next"`, host, r.URL.Path, next))
			w.Header().Set("Content-Type", "application/json")
			if strings.HasSuffix(r.URL.Path, "/_catalog") {
				fmt.Fprintf(w, `{"repositories":[%q]}`, r.URL.RawQuery)
				return
			}
			fmt.Fprintf(w, `{"name":"ns/app","tags":[%q]}`, r.URL.RawQuery)
		})})
		if _, err := c.Catalog(t.Context(), srcHost); err == nil || !strings.Contains(err.Error(), "a list without an end") {
			t.Errorf("%s host, catalog: got %v", name, err)
		}
		if _, err := c.AllTags(t.Context(), srcHost+"/ns/app"); err == nil || !strings.Contains(err.Error(), "that page again") {
			t.Errorf("%s host, tags: got %v", name, err)
		}
	}
}
