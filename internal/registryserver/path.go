package registryserver

import (
	"path"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// A place is the subject of a path of the API.
type place struct {
	repo string
	kind string // manifests, blobs, tags, uploads or referrers
	ref  string // tag, digest or session
}

var (
	repoName = lazyregexp.New(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagName  = lazyregexp.New(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
)

// parsePath splits /v2/REPO/KIND/REF. A path without a repository gives the
// zero place. A name may hold slashes and words such as "tags", so the path is
// read from its end.
func parsePath(p string, isRepository func(string) bool) place {
	rest, ok := strings.CutPrefix(path.Clean("/"+p), "/v2/")
	if !ok {
		return place{}
	}
	rest, ref := cutLast(rest)
	rest, kind := cutLast(rest)
	switch {
	case kind == "uploads": // REPO/blobs/uploads/SESSION
		rest = strings.TrimSuffix(rest, "/blobs")
	case kind == "blobs" && ref == "uploads":
		kind, ref = ref, ""
	case kind == "manifests", kind == "blobs", kind == "referrers":
	case kind == "tags" && ref == "list":
	default:
		return place{}
	}
	if !isRepository(rest) {
		return place{}
	}
	return place{rest, kind, ref}
}

// maxName is the largest length of a repository's name.
const maxName = 255

// isRepository says whether something can be the name of a repository. The
// names of a repository's files in a directory cannot.
func isRepository(name string) bool {
	if len(name) > maxName {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case blobsDir, indexFile, layoutFile:
			return false
		}
	}
	return repoName.MatchString(name)
}

// cutLast cuts the part after the last slash off.
func cutLast(p string) (before, last string) {
	at := strings.LastIndexByte(p, '/')
	if at < 0 {
		return "", p
	}
	return p[:at], p[at+1:]
}
