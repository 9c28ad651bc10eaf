package registry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/transport"
)

// A halver cuts the answers to the first GETs of each path in their middle.
type halver struct {
	lab  *lab
	cuts int

	mu   sync.Mutex // requests come beside each other
	seen map[string]int
}

func (h *halver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.seen[r.URL.Path]++
	cut := r.Method == http.MethodGet && h.seen[r.URL.Path] <= h.cuts
	h.mu.Unlock()
	if !cut {
		h.lab.ServeHTTP(w, r)
		return
	}
	whole := httptest.NewRecorder()
	h.lab.ServeHTTP(whole, r)
	for name, values := range whole.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(whole.Code)
	_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// Lists and manifests are asked for again when they break off, as blobs are.
func TestAnswersThatBreakOff(t *testing.T) {
	src := newLab(t)
	src.image(t, "ns/a", "1", map[string]string{"version": "13.0"}, random(1, 5_000))
	h := &halver{lab: src, cuts: tries - 1, seen: map[string]int{}}
	s := httptest.NewServer(h)
	defer s.Close()
	c := newClient(t, Host{Name: srcHost, Address: s.Listener.Addr().String(), TLS: transport.Disabled})

	repos, err := c.Catalog(t.Context(), srcHost)
	if diff := cmp.Diff([]string{"ns/a"}, repos); diff != "" || err != nil {
		t.Errorf("catalog: %v (-want +got):\n%s", err, diff)
	}
	tags, err := c.Tags(t.Context(), srcHost+"/ns/a")
	if diff := cmp.Diff([]string{"1"}, tags); diff != "" || err != nil {
		t.Errorf("tags: %v (-want +got):\n%s", err, diff)
	}
	labels, _, err := c.Labels(t.Context(), srcHost+"/ns/a:1")
	if diff := cmp.Diff(map[string]string{"version": "13.0"}, labels); diff != "" || err != nil {
		t.Errorf("labels: %v (-want +got):\n%s", err, diff)
	}

	// One cut more, and it is given up.
	h.cuts, h.seen = tries, map[string]int{}
	_, err = c.Tags(t.Context(), srcHost+"/ns/a")
	if !fault.IsConnection(err) || !strings.Contains(err.Error(), "the connection was cut before the answer was complete") {
		t.Errorf("cut each time: %v", err)
	}
	if got := h.seen["/v2/ns/a/tags/list"]; got != tries {
		t.Errorf("%d tries, want %d", got, tries)
	}
}
