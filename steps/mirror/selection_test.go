package mirror

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registryserver"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

const (
	manyRepositories = 20
	manyTags         = 500
	tagPage          = 100
)

// A tagLog answers requests for tags by pages, and counts the requests of a registry.
type tagLog struct {
	tags []string

	mu    sync.Mutex // images are asked for beside each other
	asked map[string]int
}

func (l *tagLog) answer(w http.ResponseWriter, r *http.Request) bool {
	l.mu.Lock()
	l.asked[r.Method+" "+r.URL.RequestURI()]++
	l.mu.Unlock()
	if !strings.HasSuffix(r.URL.Path, "/tags/list") {
		return false
	}
	start := slices.Index(l.tags, r.URL.Query().Get("last")) + 1
	page := l.tags[start:min(start+tagPage, len(l.tags))]
	if start+tagPage < len(l.tags) {
		w.Header().Set("Link", fmt.Sprintf("<%s?n=%d&last=%s>; rel=\"next\"", r.URL.Path, tagPage, page[len(page)-1]))
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"name": strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v2/"), "/tags/list"), "tags": page})
	return true
}

// manySelected makes a registry of many repositories and tags, and a log of what it is
// asked.
func manySelected(t *testing.T, b *testbed.Registries) *tagLog {
	t.Helper()
	l := &tagLog{asked: map[string]int{}}
	for i := range manyTags {
		l.tags = append(l.tags, fmt.Sprintf("v1.%d", i))
	}
	var images []registryserver.Image
	for i := range manyRepositories {
		images = append(images, registryserver.Image{Repository: fmt.Sprintf("many/app%d", i), Tags: l.tags})
	}
	b.Upstream = testbed.OpenRegistry(t, registryserver.Config{Images: images})
	b.Before["upstream"] = l.answer
	return l
}

func useLock(t *testing.T, b *testbed.Registries) *connections.TagLock {
	t.Helper()
	lock, err := connections.ReadTagLock("")
	if err != nil {
		t.Fatal(err)
	}
	b.UseTagLock(lock)
	return lock
}

func from(pattern string, rules *imagelist.TagRules) imagelist.List {
	return imagelist.List{TextOr: plan.TextOr[plan.Path, []imagelist.Item]{Other: []imagelist.Item{{Other: imagelist.Source{From: pattern, Tags: rules}}}}}
}

// Two steps that select the same at once list each page of tags once, and ask for no
// manifest of a tag that was not selected.
func TestLargeSelectionRequests(t *testing.T) {
	b := testbed.NewRegistries(t)
	log := manySelected(t, b)
	useLock(t, b)
	var wg sync.WaitGroup
	for _, newest := range []int{3, 3, 2} {
		wg.Go(func() {
			m := newMirror(b)
			m.Signatures = keep("copy") // which lists tags, too
			m.Images = from(testbed.UpstreamHost+"/many/*", &imagelist.TagRules{Match: plan.TextOr[string, []string]{Text: `v1\..*`}, Newest: &newest})
			f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
			if err != nil || f.Change == nil || len(f.Change.Items) != newest*manyRepositories {
				t.Errorf("newest %d: %v", newest, err)
			}
		})
	}
	wg.Wait()
	log.mu.Lock()
	defer log.mu.Unlock()
	lists, catalogs := 0, 0
	for request, n := range log.asked {
		switch {
		case strings.Contains(request, "/tags/list"):
			if lists++; n != 1 {
				t.Errorf("%d times %s", n, request)
			}
		case strings.Contains(request, "/_catalog"):
			catalogs += n
		case strings.Contains(request, "/manifests/v1."):
			tag := request[strings.LastIndex(request, "/")+1:]
			if !slices.Contains([]string{"v1.497", "v1.498", "v1.499"}, tag) {
				t.Errorf("a tag that was not selected is asked for: %s", request)
			}
		}
	}
	if want := manyRepositories * manyTags / tagPage; lists != want || catalogs != 1 {
		t.Errorf("%d requests for tags and %d for the catalog, want %d and 1", lists, catalogs, want)
	}
}

// What is locked needs no list of tags.
func TestLargeLockedSelectionListsNothing(t *testing.T) {
	b := testbed.NewRegistries(t)
	log := manySelected(t, b)
	lock := useLock(t, b)
	one := 1
	m := newMirror(b)
	m.Images = from(testbed.UpstreamHost+"/many/app1", &imagelist.TagRules{Newest: &one})
	if _, err := m.Resolve(t.Context(), &runner.Disk{}); err != nil {
		t.Fatal(err)
	}
	lock.Strict = true
	clear(log.asked)
	if _, err := m.Diff(t.Context(), &runner.Disk{}, nil); err != nil {
		t.Fatal(err)
	}
	for request := range log.asked {
		if strings.Contains(request, "/tags/list") || strings.Contains(request, "/_catalog") {
			t.Errorf("asked %s", request)
		}
	}
	m.Images = from(testbed.UpstreamHost+"/many/app1", nil)
	if _, err := m.Inputs(t.Context(), &runner.Disk{}); err == nil || !strings.Contains(err.Error(), "images[0]: the lock file does not have what is selected from "+testbed.UpstreamHost+"/many/app1") {
		t.Errorf("a selection that has changed: %v", err)
	}
}

// A registry that does not show its catalog says so, and what to write instead.
func TestSelectionFromAClosedCatalog(t *testing.T) {
	for name, status := range map[string]int{"denied": http.StatusForbidden, "absent": http.StatusNotFound, "not supported": http.StatusMethodNotAllowed} {
		t.Run(name, func(t *testing.T) {
			b := testbed.NewRegistries(t)
			b.Before["upstream"] = testbed.RefuseReads("/_catalog", status)
			m := newMirror(b)
			m.Images = from(testbed.UpstreamHost+"/many/*", nil)
			_, err := m.Inputs(t.Context(), &runner.Disk{})
			want := "images[0]: " + testbed.UpstreamHost + " does not show its catalog"
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(fault.Hint(err), "from: "+testbed.UpstreamHost+"/NAME") {
				t.Errorf("got %v with the hint %q", err, fault.Hint(err))
			}
		})
	}
}

// The names that images get at the destination follow from what the plan says, whatever
// the one name of their registry is.
func TestSelectionKeepsTheNamesOfThePlan(t *testing.T) {
	b := testbed.NewRegistries(t)
	useLock(t, b)
	host := strings.ToUpper(testbed.UpstreamHost[:1]) + testbed.UpstreamHost[1:]
	for _, pattern := range []string{host + "/rhosp13/openstack-base", host + "/rhosp13/openstack-b*e"} {
		m := newMirror(b)
		m.Images = from(pattern, nil)
		for range 2 { // chosen, then locked
			images, err := m.images(t.Context(), &runner.Disk{})
			if err != nil || len(images) < 2 || !strings.HasPrefix(images[0].Source, host+"/rhosp13/openstack-ba") || !strings.HasPrefix(images[0].Target, testbed.LocalHost+"/rhosp13/openstack-ba") {
				t.Errorf("%s: %+v, %v", pattern, images, err)
			}
		}
	}
}
