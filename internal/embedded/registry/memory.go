package registry

import (
	"maps"
	"net/http"
	"slices"
	"sync"
)

// memory remembers what was pushed to a registry that has no directory to
// look into.
type memory struct {
	stored http.Handler
	mu     sync.Mutex          // pushes end on goroutines of their own
	pushed map[string][]string // repository -> digests of manifests
}

// serve has olareg answer, and notes the manifests that are put, before the
// one who puts them hears of it.
func (m *memory) serve(w http.ResponseWriter, req *http.Request, at place) {
	if req.Method == http.MethodPut && at.kind == "manifests" {
		header := w.Header()
		w = &putWatch{ResponseWriter: w, done: func() { m.note(at.repo, header.Get("Docker-Content-Digest")) }}
	}
	m.stored.ServeHTTP(w, req)
}

type putWatch struct {
	http.ResponseWriter
	done func()
}

// WriteHeader passes the status on, and what came of the request with it.
func (p *putWatch) WriteHeader(status int) {
	if status == http.StatusCreated {
		p.done()
	}
	p.ResponseWriter.WriteHeader(status)
}

func (m *memory) note(repo, digest string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.pushed[repo], digest) {
		m.pushed[repo] = append(m.pushed[repo], digest)
	}
}

func (m *memory) after(last string, n int) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []string
	for _, repo := range slices.Sorted(maps.Keys(m.pushed)) {
		if len(found) == n {
			break
		}
		if repo > last && m.holds(repo) {
			found = append(found, repo)
		}
	}
	return found, nil
}

// holds says whether a manifest that was pushed is still there; they may have
// been deleted in ways that only olareg understands, so olareg is asked.
func (m *memory) holds(repo string) bool {
	m.pushed[repo] = slices.DeleteFunc(m.pushed[repo], func(digest string) bool {
		return !m.there("/v2/" + repo + "/manifests/" + digest)
	})
	return len(m.pushed[repo]) > 0
}

func (m *memory) there(path string) bool {
	req, err := http.NewRequest(http.MethodHead, path, nil)
	if err != nil {
		return false
	}
	w := statusOnly{header: http.Header{}}
	m.stored.ServeHTTP(&w, req)
	return w.status == http.StatusOK
}

// statusOnly takes an answer and keeps its status.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }
func (s *statusOnly) Write(p []byte) (int, error) { return len(p), nil }
