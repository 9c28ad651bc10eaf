package registry

import (
	"bytes"
	"net/http"
	"path"
	"slices"
	"time"
)

// A repository is one that is generated.
type repository struct {
	name      string
	manifests map[string]*blob // by digest and by tag
	blobs     map[string]*blob // by digest
	tags      []string         // sorted
}

func newRepository(name string) *repository {
	return &repository{name: name, manifests: map[string]*blob{}, blobs: map[string]*blob{}}
}

// add puts an image in. A tag that an image before had is moved, as a push
// would.
func (r *repository) add(b built, tags []string) {
	r.manifests[b.manifest.digest] = b.manifest
	for _, part := range b.blobs {
		r.blobs[part.digest] = part
	}
	for _, tag := range tags {
		r.manifests[tag] = b.manifest
		r.tags = append(r.tags, tag)
	}
	slices.Sort(r.tags)
	r.tags = slices.Compact(r.tags)
}

// serve answers a request about the repository.
func (r *repository) serve(w http.ResponseWriter, req *http.Request, at place) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		refusePush(w)
		return
	}
	switch at.kind {
	case "manifests":
		r.send(w, req, r.manifests[at.ref], "MANIFEST_UNKNOWN")
	case "blobs":
		r.send(w, req, r.blobs[at.ref], "BLOB_UNKNOWN")
	case "tags":
		r.listTags(w, req)
	default:
		sendError(w, http.StatusNotFound, "UNSUPPORTED", "there is nothing of this kind here")
	}
}

func refusePush(w http.ResponseWriter) {
	w.Header().Set("Allow", "GET, HEAD")
	sendError(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "the images here are generated: nothing can be pushed or deleted")
}

func (r *repository) send(w http.ResponseWriter, req *http.Request, b *blob, unknown string) {
	if b == nil {
		_, ref := cutLast(path.Clean(req.URL.Path))
		sendError(w, http.StatusNotFound, unknown, r.name+" has no "+ref)
		return
	}
	kind := b.mediaType
	if unknown == "BLOB_UNKNOWN" {
		kind = "application/octet-stream"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Docker-Content-Digest", b.digest)
	w.Header().Set("Etag", `"`+b.digest+`"`)
	http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(b.data))
}

func (r *repository) listTags(w http.ResponseWriter, req *http.Request) {
	query := req.URL.Query()
	n, ok := pageSize(query, len(r.tags))
	if !ok {
		sendError(w, http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "n has to be a number of tags")
		return
	}
	tags := after(r.tags, query.Get("last"), len(r.tags))
	sendJSON(w, http.StatusOK, map[string]any{"name": r.name, "tags": cutPage(w, req.URL, tags, n)})
}

// serveNothing answers for repositories that do not exist where nothing can
// be pushed.
func serveNothing(w http.ResponseWriter, req *http.Request, repository bool) {
	read := req.Method == http.MethodGet || req.Method == http.MethodHead
	switch {
	case read && path.Clean(req.URL.Path) == "/v2":
		sendJSON(w, http.StatusOK, struct{}{})
	case !read:
		refusePush(w)
	case repository:
		sendError(w, http.StatusNotFound, "NAME_UNKNOWN", "there is no such repository")
	default:
		sendError(w, http.StatusNotFound, "UNSUPPORTED", "there is nothing here")
	}
}
