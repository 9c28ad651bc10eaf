package verifycatalog

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// No hint is given where something else is wrong.
func TestVerifyCatalogNoHint(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Put(t, "rhosp13/openstack-nova-api:13.0-40", "rhosp13/openstack-base:13.0-40")
	b.Put(t, "rhosp13/openstack-bare:latest", "more/of:it")
	_, err := newVerifyCatalog(b).Diff(t.Context(), &runner.Disk{}, nil)
	if err == nil || fault.Hint(err) != "" {
		t.Errorf("got %v (%s)", err, fault.Hint(err))
	}
}

// A registry without a catalog is asked for each image, by its digest where
// the list has no tag; one whose catalog has no end is refused.
func TestVerifyCatalogClosed(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Fill(t)
	d, err := b.Registry().Resolve(t.Context(), testbed.LocalHost+"/rhosp13/openstack-base:13.0-40")
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifyCatalog(b)
	v.Exact = false
	gone := "sha256:" + strings.Repeat("a", 64)
	v.Expect = testbed.Inline(
		testbed.LocalHost+"/rhosp13/openstack-base@"+d.Digest, testbed.LocalHost+"/rhosp13/openstack-base@"+gone,
	)
	var mu sync.Mutex // images are asked for beside each other
	asked := map[string]bool{}
	b.Before["local"] = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/_catalog") {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		mu.Lock()
		defer mu.Unlock()
		asked[r.Method+" "+r.URL.Path] = true
		return false
	}
	_, err = v.Diff(t.Context(), &runner.Disk{}, nil)
	if problems := fault.Problems(err); len(problems) != 1 || problems[0].Kind != "missing" || problems[0].Want != gone {
		t.Errorf("got %v", err)
	}
	if !asked["HEAD /v2/rhosp13/openstack-base/manifests/"+d.Digest] || !asked["HEAD /v2/rhosp13/openstack-base/manifests/"+gone] {
		t.Errorf("asked was for %v", asked)
	}
	b.Before["local"] = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/_catalog") {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Link", `</v2/_catalog?last=a&n=1000>; rel="next"`)
		fmt.Fprint(w, `{"repositories":["a"]}`)
		return true
	}
	if _, err := v.Diff(t.Context(), &runner.Disk{}, nil); err == nil || !strings.Contains(err.Error(), `the page after "last=a&n=1000" is that page again`) {
		t.Errorf("got %v", err)
	}
}
