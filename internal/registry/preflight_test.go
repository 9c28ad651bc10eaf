package registry

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// What may not be pushed is told before anything is pulled.
func TestPreflight(t *testing.T) {
	deny := func(repo string, status int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != "POST" || repository(r.URL.Path) != repo {
				return false
			}
			w.WriteHeader(status)
			return true
		}
	}
	tests := map[string]struct {
		before func(http.ResponseWriter, *http.Request) bool
		states string
		want   string
	}{
		"all may be pushed":             {nil, "copy copy copy", ""},
		"one may not, 403":              {deny("ns/b", 403), "copy failed copy", `192.0.2.1:8787/ns/b:1: destination: 192.0.2.1:8787/ns/b: there is no such repository, or user "stack" has no right to it`},
		"one may not, 401":              {deny("ns/b", 401), "copy failed copy", `192.0.2.1:8787/ns/b:1: destination: 192.0.2.1:8787/ns/b: there is no such repository, or user "stack" has no right to it`},
		"one is busy, which may pass":   {deny("ns/b", 503), "copy copy copy", ""},
		"uploads are not for this user": {deny("ns/b", 405), "copy copy copy", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			src, lab := newLab(t), newLab(t)
			images, _ := three(t, src)
			dst := guarded(challenging(lab))
			dst.Name = dstHost
			lab.act(tt.before)
			c := newClient(t, Host{Name: srcHost, Handler: src}, dst)
			table := preflown(t, c, images)
			if got := states(table); got != tt.states {
				t.Errorf("%s, want %s", got, tt.states)
			}
			err := table.Err()
			if (err == nil) != (tt.want == "") || err != nil && err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if src.counts["GET blobs"] != 0 {
				t.Errorf("pulled already: %v", src.counts)
			}
			if posts, deletes := lab.counts["POST blobs/uploads"], lab.counts["DELETE blobs/uploads"]; posts != 3 || tt.before == nil && deletes != 3 {
				t.Errorf("%d uploads were opened, %d cancelled", posts, deletes)
			}
		})
	}
}

// A registry that lets everybody read but nobody push without a login.
func TestPreflightWithWrongPassword(t *testing.T) {
	src, lab := newLab(t), newLab(t)
	images, _ := three(t, src)
	dst := guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		lab.ServeHTTP(w, r)
	}))
	dst.Name = dstHost
	c := newClient(t, Host{Name: srcHost, Handler: src}, dst)
	err := preflown(t, c, images).Err()
	if KindOf(err) != BadLogin || !strings.Contains(err.Error(), `destination: 192.0.2.1:8787 refuses the credentials of user "stack"`) {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(fault.Hint(err), "check user and password") {
		t.Errorf("hint %q", fault.Hint(err))
	}
}

// A registry that gives everybody a token, but not one to push with, is told once.
func TestPreflightOfNobody(t *testing.T) {
	src, dst := newLab(t), newGate(t, time.Minute)
	images, _ := three(t, src)
	dst.act(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != "POST" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="/token",service="gate"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	c := newClient(t, Host{Name: srcHost, Handler: src}, Host{Name: dstHost, Handler: dst})
	err := preflown(t, c, images).Err()
	if KindOf(err) != NoLogin || !strings.Contains(err.Error(), "destination: 192.0.2.1:8787 asks for credentials, and it is given none, for ") {
		t.Errorf("got %v", err)
	}
}

// A registry that knows no users is not asked.
func TestPreflightIsNotForOpenRegistries(t *testing.T) {
	src, dst, c := pair(t)
	images, _ := three(t, src)
	preflown(t, c, images)
	if dst.counts["POST blobs/uploads"] != 0 {
		t.Errorf("%v", dst.counts)
	}
}

// Planning changes nothing anywhere: it opens no upload.
func TestPlanOpensNoUpload(t *testing.T) {
	src, lab := newLab(t), newLab(t)
	images, _ := three(t, src)
	dst := guarded(challenging(lab))
	dst.Name = dstHost
	plan(t, newClient(t, Host{Name: srcHost, Handler: src}, dst), images)
	if n := lab.counts["POST blobs/uploads"]; n != 0 {
		t.Errorf("%d uploads were opened", n)
	}
}

// preflown plans and makes sure of the rights.
func preflown(t *testing.T, c *Client, images []Image) *TransferPlan {
	t.Helper()
	table := plan(t, c, images)
	if err := c.Preflight(t.Context(), table); err != nil {
		t.Fatal(err)
	}
	return table
}

// Who may push may not be allowed to delete, and be it an upload: then it is
// left to the registry, and nothing more is asked.
func TestPreflightWithoutRightToDelete(t *testing.T) {
	src, dst := newLab(t), newGate(t, time.Minute)
	images, _ := three(t, src)
	dst.act(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != "DELETE" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="/token",service="gate",scope="repository:ns/a:delete"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	host := guarded(dst)
	host.Name = dstHost
	c := newClient(t, Host{Name: srcHost, Handler: src}, host)
	table := plan(t, c, images)
	dst.reset()
	before := dst.issued()
	if err := c.Preflight(t.Context(), table); err != nil || table.Err() != nil {
		t.Fatal(err, table.Err())
	}
	requests(t, "the preflight's", dst.lab, map[string]int{"POST blobs/uploads": 3, "DELETE blobs/uploads": 3})
	if n := dst.issued() - before; n != 6 {
		t.Errorf("%d tokens were asked for, want one for each right", n)
	}
}
