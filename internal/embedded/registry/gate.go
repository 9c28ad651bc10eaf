package registry

import (
	"bytes"
	"hash/fnv"
	"io"
	"net/http"
	"sync"
)

// A gate lets the requests for one repository into olareg's directory store
// one after the other, until each begins to read or to write data. Olareg
// notes that a repository exists in a field that it does not guard; this does.
// Data flow beside each other: nobody holds a gate while they do.
type gate [64]sync.Mutex

// enter waits for all repositories named and gives the way out, which may be
// taken more than once.
func (g *gate) enter(repos ...string) (leave func()) {
	var locks [len(gate{})]bool
	for _, repo := range repos {
		h := fnv.New32a()
		_, _ = io.WriteString(h, repo)
		locks[h.Sum32()%uint32(len(locks))] = true
	}
	for n, wanted := range locks { // in one order, so nobody waits in a circle
		if wanted {
			g[n].Lock()
		}
	}
	return sync.OnceFunc(func() {
		for n, wanted := range locks {
			if wanted {
				g[n].Unlock()
			}
		}
	})
}

// serve has olareg answer the request.
func (d *directory) serve(w http.ResponseWriter, req *http.Request, at place) {
	body := req.Body
	if body == nil {
		body = http.NoBody
	}
	if at.kind == "manifests" && req.Method == http.MethodPut {
		// Olareg looks into the repository after it has read a manifest, so that
		// has to come before the gate.
		data, err := io.ReadAll(io.LimitReader(body, maxManifest+1))
		if err != nil {
			sendError(w, http.StatusBadRequest, "MANIFEST_INVALID", "reading the manifest: "+err.Error())
			return
		}
		body = io.NopCloser(bytes.NewReader(data))
	}
	leave := d.gate.enter(at.repo, req.URL.Query().Get("from"))
	defer leave()
	if !d.readOnly {
		d.link(req, at)
	}
	if at.kind == "uploads" {
		body = &leavingBody{body, leave}
	}
	// A copy: the server looks at the body of its own request to see whether the
	// client still waits to be told to go on.
	req = req.WithContext(req.Context())
	req.Body = body
	d.stored.ServeHTTP(&leavingWriter{w, leave}, req)
}

// maxManifest is the size of the largest manifest that olareg takes.
const maxManifest = 8 << 20

// A leavingBody leaves the gate when it is first read.
type leavingBody struct {
	io.ReadCloser
	leave func()
}

func (b *leavingBody) Read(p []byte) (int, error) {
	b.leave()
	return b.ReadCloser.Read(p)
}

// A leavingWriter leaves the gate when the answer begins.
type leavingWriter struct {
	http.ResponseWriter
	leave func()
}

func (w *leavingWriter) WriteHeader(status int) {
	w.leave()
	w.ResponseWriter.WriteHeader(status)
}

func (w *leavingWriter) Write(p []byte) (int, error) {
	w.leave()
	return w.ResponseWriter.Write(p)
}

// ReadFrom lets the server send a blob straight from its file.
func (w *leavingWriter) ReadFrom(r io.Reader) (int64, error) {
	w.leave()
	return io.Copy(w.ResponseWriter, r)
}

// Unwrap gives http.ResponseController what is underneath.
func (w *leavingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
