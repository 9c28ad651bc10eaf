package registry

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bayplan/bayplan/internal/registry/manifests"
)

// Lists whose every page is new never end by themselves.
func TestLargeEndlessLists(t *testing.T) {
	long := strings.Repeat("x", 10<<20)
	names := make([]string, 200_000)
	for i := range names {
		names[i] = fmt.Sprint("r", i)
	}
	many := strings.Join(names, `", "`)
	tests := map[string]struct {
		list func(c *Client) error
		page func(n int32) string
		want string
		most int32
	}{
		"tags on ever more pages that are empty": {
			func(c *Client) error { _, err := c.Tags(t.Context(), srcHost+"/ns/app"); return err },
			func(int32) string { return `{"name": "ns/app", "tags": []}` },
			"there is little in its pages: ", 300,
		},
		"tags on large pages": {
			func(c *Client) error { _, err := c.Tags(t.Context(), srcHost+"/ns/app"); return err },
			func(n int32) string { return fmt.Sprintf(`{"name": "ns/app", "tags": ["%d%s"]}`, n, long) },
			"larger than 64.0 MiB", 8,
		},
		"a catalog on ever more pages": {
			func(c *Client) error { _, err := c.Catalog(t.Context(), srcHost); return err },
			func(n int32) string { return fmt.Sprintf(`{"repositories": ["r%09d"]}`, n) },
			"there is little in its pages: ", 300,
		},
		"a catalog of one long name a page": {
			func(c *Client) error { _, err := c.Catalog(t.Context(), srcHost); return err },
			func(n int32) string {
				return fmt.Sprintf(`{"repositories": ["%s/r%09d"]}`, strings.Repeat("x", 150), n)
			},
			"there is little in its pages: ", 350,
		},
		"a catalog of too many names": {
			func(c *Client) error { _, err := c.Catalog(t.Context(), srcHost); return err },
			func(n int32) string {
				return `{"repositories": ["` + strings.ReplaceAll(many, "r", fmt.Sprint(n, "r")) + `"]}`
			},
			"larger than 64.0 MiB", 64,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var pages atomic.Int32
			c := newClient(t, Host{Name: srcHost, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := pages.Add(1)
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Link", fmt.Sprintf(`<%s?last=%d>; rel="next"`, r.URL.Path, n))
				_, _ = io.WriteString(w, tt.page(n))
			})})
			err := tt.list(c)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if n := pages.Load(); n > tt.most {
				t.Errorf("%d pages were read", n)
			}
		})
	}
}

// Indexes that fan out: what stands in them several times is read once, and
// there is an end to what they may hold.
func TestFanOut(t *testing.T) {
	src, _, c := pair(t)
	leaves := make([]map[string]any, 5)
	for i := range leaves {
		d := src.image(t, "ns/app", fmt.Sprint("leaf", i), nil, random(i, 10))
		leaves[i] = map[string]any{"mediaType": schema2, "digest": d, "size": 1}
	}
	again := make([]map[string]any, 0, 5000)
	for range 1000 {
		again = append(again, leaves...)
	}
	src.index(t, "ns/app", "again", again...)
	images := []Image{{Source: srcHost + "/ns/app:again", Target: dstHost + "/ns/app:again"}}
	src.reset()
	table := plan(t, c, images)
	if err := table.Err(); err != nil || src.counts["GET manifests"] != 6 {
		t.Errorf("%v, %v", src.counts, err)
	}

	var many []map[string]any
	for i := range manifests.MaxManifests + 1 {
		many = append(many, map[string]any{"mediaType": schema2, "digest": digestOf(manyManifest(i)), "size": 1})
	}
	index, _ := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": ociType, "manifests": many})
	bodies := map[string][]byte{digestOf(index): index, "many": index}
	for i := range many {
		bodies[digestOf(manyManifest(i))] = manyManifest(i)
	}
	src.act(func(w http.ResponseWriter, r *http.Request) bool {
		body := bodies[r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]]
		if body == nil || what(r.URL.Path) != "manifests" {
			return false
		}
		kind := schema2
		if digestOf(body) == digestOf(index) {
			kind = ociType
		}
		return serve("/", kind, body)(w, r)
	})
	src.reset()
	err := plan(t, c, []Image{{Source: srcHost + "/ns/app:many", Target: dstHost + "/ns/app:many"}}).Err()
	if err == nil || !strings.Contains(err.Error(), "more than 1000 manifests") || src.counts["GET manifests"] > manifests.MaxManifests {
		t.Errorf("%v, %v", src.counts, err)
	}
}

func manyManifest(i int) []byte {
	return fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":%q,"size":2},"layers":[],"annotations":{"n":"%d"}}`, schema2, digestOf([]byte("{}")), i)
}
