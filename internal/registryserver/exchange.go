package registryserver

import (
	"cmp"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// An exchange is a request about a repository and its answer.
type exchange struct {
	*Registry
	w    http.ResponseWriter
	req  *http.Request
	at   place
	repo *repository
}

// handlers are the operations by subject and method. HEAD is GET. A handler
// that returns an error has not begun to answer.
var handlers = map[string]map[string]func(*exchange) error{
	"manifests": {"GET": (*exchange).getManifest, "PUT": (*exchange).putManifest, "DELETE": (*exchange).deleteManifest},
	"tags":      {"GET": (*exchange).listTags},
	"referrers": {"GET": (*exchange).listReferrers},
	"blobs":     {"GET": (*exchange).getBlob, "DELETE": (*exchange).deleteBlob},
	"uploads":   {"POST": (*exchange).beginUpload},
	"upload": {
		"GET": (*exchange).getUpload, "PATCH": (*exchange).patchUpload,
		"PUT": (*exchange).putUpload, "DELETE": (*exchange).deleteUpload,
	},
}

func (x *exchange) serve() error {
	kind, method := x.at.kind, x.req.Method
	if kind == "uploads" && x.at.ref != "" {
		kind = "upload"
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	handle := handlers[kind][method]
	if handle == nil {
		allowed := slices.Sorted(maps.Keys(handlers[kind]))
		if handlers[kind][http.MethodGet] != nil {
			allowed = append(allowed, http.MethodHead)
		}
		return notAllowed{strings.Join(allowed, ", "), x.req.Method + " means nothing here"}
	}
	var err error
	if x.repo, err = x.find(x.at.repo, !isRead(x.req)); err != nil {
		return err
	}
	return handle(x)
}

func isRead(req *http.Request) bool {
	return req.Method == http.MethodGet || req.Method == http.MethodHead
}

// digest reads the digest in the path.
func (x *exchange) digest() (digest.Digest, error) { return parseDigest(x.at.ref) }

func parseDigest(s string) (digest.Digest, error) {
	d, err := digest.Parse(s)
	if err != nil {
		return "", refusal{http.StatusBadRequest, "DIGEST_INVALID", "the digest " + quote(s) + ": " + err.Error()}
	}
	return d, nil
}

// send sends a blob or a manifest, or the requested part of it.
func (x *exchange) send(mediaType string, d digest.Digest, from io.ReadSeeker) {
	header := x.w.Header()
	header.Set("Content-Type", cmp.Or(mediaType, "application/octet-stream"))
	header.Set("Docker-Content-Digest", d.String())
	header.Set("Etag", `"`+d.String()+`"`)
	http.ServeContent(x.w, x.req, "", time.Time{}, from)
}

// created answers for what has been stored.
func (x *exchange) created(kind string, d digest.Digest) {
	x.w.Header().Set("Location", "/v2/"+x.repo.name+"/"+kind+"/"+d.String())
	x.w.Header().Set("Docker-Content-Digest", d.String())
	x.w.WriteHeader(http.StatusCreated)
}

func (x *exchange) getBlob() error {
	d, err := x.digest()
	if err != nil {
		return err
	}
	f, err := x.repo.Open(d)
	if size, ok := x.repo.leftOut(d); err != nil && ok && x.req.Method == http.MethodHead {
		x.w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		x.w.Header().Set("Docker-Content-Digest", d.String())
		return nil
	}
	if err != nil {
		return notFoundIfAbsent(err, "BLOB_UNKNOWN", x.repo.name+" has no "+d.String())
	}
	defer f.Close()
	x.send("", d, f)
	return nil
}

func (x *exchange) deleteBlob() error {
	d, err := x.digest()
	if err != nil {
		return err
	}
	if x.conf.NoDelete || x.shared {
		return errNoDelete
	}
	if err := x.repo.Remove(d); err != nil {
		return notFoundIfAbsent(err, "BLOB_UNKNOWN", x.repo.name+" has no "+d.String())
	}
	x.w.WriteHeader(http.StatusAccepted)
	return nil
}

func (x *exchange) listTags() error {
	idx, err := x.repo.Index()
	if err != nil {
		return err
	}
	if len(idx.Manifests) == 0 {
		return errNoRepository
	}
	tags := []string{}
	for _, m := range idx.Manifests {
		if tag := tagOf(m); tag != "" {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	tags = slices.Compact(tags) // layouts of other tools may have several manifests of one name
	query := x.req.URL.Query()
	n, ok := pageSize(query, len(tags))
	if !ok {
		return refusal{http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "n has to be a number of tags"}
	}
	tags = after(tags, query.Get("last"), len(tags))
	sendJSON(x.w, http.StatusOK, map[string]any{"name": x.repo.name, "tags": cutPage(x.w, x.req.URL, tags, n)})
	return nil
}
