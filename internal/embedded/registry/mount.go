package registry

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var blobDigest = regexp.MustCompile(`^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$`)

// link makes ready for a mount: it gives the target a hard link to the blob,
// which olareg then finds there. Olareg alone would copy the bytes, and a
// mirror of many images with common layers would be many times its size. Blobs
// are only ever put in place as a whole and removed, so a link is as good as a
// copy. Where there is nothing to link, olareg does what it always does.
func (d *directory) link(req *http.Request, at place) {
	if req.Method != http.MethodPost || at.kind != "uploads" || at.ref != "" {
		return
	}
	digest, from := req.URL.Query().Get("mount"), req.URL.Query().Get("from")
	if !blobDigest.MatchString(digest) || !isRepository(from) || !isRepository(at.repo) {
		return
	}
	source, target := d.blob(from, digest), d.blob(at.repo, digest)
	if _, err := os.Stat(source); err != nil {
		return
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return
	}
	_ = os.Link(source, target) // there already, or olareg copies
}

// isRepository says whether olareg would take the name.
func isRepository(name string) bool {
	return repoName.MatchString(name) && !strings.Contains("/"+name+"/", "/"+blobsDir+"/")
}

func (d *directory) blob(repo, digest string) string {
	algorithm, hex, _ := strings.Cut(digest, ":")
	return filepath.Join(d.root, filepath.FromSlash(repo), blobsDir, algorithm, hex)
}
