package registry

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/registryserver"
)

// Whether a push is allowed is told without opening an upload.
func TestMayPush(t *testing.T) {
	answer := func(status int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPatch {
				return false
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
			return true
		}
	}
	for name, tt := range map[string]struct {
		before func(http.ResponseWriter, *http.Request) bool
		known  bool
		want   string
	}{
		"allowed":             {nil, true, ""},
		"unknown upload":      {answer(404, `{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}`), true, ""},
		"forbidden":           {answer(403, ""), true, `there is no such repository, or user "stack" has no right to it`},
		"refused":             {answer(401, ""), true, `there is no such repository, or user "stack" has no right to it`},
		"no project":          {answer(404, `{"errors":[{"code":"NAME_UNKNOWN","message":"project ns not found"}]}`), true, "a push does not make it"},
		"read-only":           {answer(405, ""), true, "answers 405 Method Not Allowed"},
		"an answer of no use": {answer(400, ""), false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			lab := newLab(t)
			dst := guarded(challenging(lab))
			dst.Name = dstHost
			lab.act(tt.before)
			c := newClient(t, dst)
			known, err := c.MayPush(t.Context(), dstHost+"/ns/b")
			if known != tt.known || (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("known %v, %v; want %v, %q", known, err, tt.known, tt.want)
			}
			if n := lab.counts["POST blobs/uploads"]; n != 0 {
				t.Errorf("%d uploads were opened", n)
			}
		})
	}
}

// bayplan's own registry answers so, too, and keeps no trace of the repository.
func TestMayPushToOwnRegistry(t *testing.T) {
	own, err := registryserver.New(registryserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	c := newClient(t, Host{Name: dstHost, Handler: own})
	if known, err := c.MayPush(t.Context(), dstHost+"/ns/b"); !known || err != nil {
		t.Errorf("known %v, %v", known, err)
	}
	if names, err := c.Catalog(t.Context(), dstHost); err != nil || len(names) != 0 {
		t.Errorf("the registry has %v, %v", names, err)
	}
}

// HEAD tells what is left of a quota, and counts as no pull.
func TestQuotaByHead(t *testing.T) {
	src, _, c := pair(t)
	images, _ := three(t, src)
	limitPulls(src, 134)
	if _, _, limited := c.Quota(srcHost); limited {
		t.Error("a quota before any answer")
	}
	if _, err := c.Resolve(t.Context(), images[0].Source); err != nil {
		t.Fatal(err)
	}
	text, left, limited := c.Quota(srcHost)
	if text != "134 pulls are left of 200 in 6h" || left != 134 || !limited {
		t.Errorf("%q, %d, %v", text, left, limited)
	}
}
