package rehearse

import (
	"bytes"
	"crypto/md5" //nolint:gosec // plans may name such digests
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/cmd/internal/rehearse/artifacts"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/registries"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/standin/upstream"
	"github.com/bayplan/bayplan/runner"
)

// A webHost answers for one web server: with the stand-ins that have an address there,
// the directories that it serves, and the signatures of images.
type webHost struct {
	world *world
	host  string
}

// A served is a directory below the root that is served at an address.
type served struct {
	host, path string
	dir        string
}

// ServeHTTP answers a request.
func (h *webHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b, ok := h.world.at(h.host, r.URL); ok {
		sum := sha256.Sum256(b)
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
		http.ServeContent(w, r, "", standInTime(), bytes.NewReader(b))
		return
	}
	for _, s := range h.world.served {
		rest, ok := strings.CutPrefix(r.URL.Path, s.path)
		if ok && s.host == withoutPort(h.host) {
			name := path.Clean("/" + rest)
			http.ServeFile(w, &http.Request{Method: r.Method, Header: r.Header, URL: &url.URL{Path: name}}, s.dir+name)
			return
		}
	}
	if host := registries.Canonical(h.host); strings.HasPrefix(r.URL.Path, "/v2/") && h.world.plans.Fills(host) {
		h.world.registryOf(host).ServeHTTP(w, r)
		return
	}
	http.NotFound(w, r)
}

// standInTime is the time of all files that are stood in for.
func standInTime() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// at gives what stands in for an address.
func (w *world) at(host string, u *url.URL) ([]byte, bool) {
	for _, scheme := range []string{"https", "http"} {
		key := addressKey(scheme + "://" + withoutPort(host) + u.EscapedPath())
		for _, contents := range []map[string][]byte{w.standIns, w.pushed} {
			if b, ok := contents[key]; ok {
				return b, true
			}
		}
	}
	return w.imageSignature(u.Path)
}

// addressKey gives the one spelling of an address: its path, without what follows it.
func addressKey(raw string) string {
	if artifacts.Is(raw) {
		return artifacts.Key(raw)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return strings.ToLower(u.Scheme) + "://" + withoutPort(hostname.Normal(u.Host)) + u.EscapedPath()
}

// withoutPort removes the port of a host if it is one that http and https begin with.
func withoutPort(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80")
}

// imageSignature gives an OpenPGP signature of an image that the world has made, for the
// path of a store: …/PATH@sha256=HEX/signature-N. There is one for each tag of the image.
func (w *world) imageSignature(where string) ([]byte, bool) {
	dir, file := path.Split(where)
	name, digest, isImage := strings.Cut(strings.TrimSuffix(dir, "/"), "@")
	n := 0
	if _, err := fmt.Sscanf(file, "signature-%d", &n); err != nil || !isImage || w.pgp == nil || n < 1 {
		return nil, false
	}
	digest = strings.Replace(digest, "=", ":", 1)
	names := w.imagesWith(name, digest)
	if n > len(names) {
		return nil, false
	}
	b, err := w.pgp.Image(names[n-1], digest)
	return b, err == nil
}

// imagesWith gives the names, HOST/NAME:TAG, under which images are signed that have a digest and
// that a path of a store ends in.
func (w *world) imagesWith(where, digest string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for host, h := range w.hosts {
		names = append(names, w.signedIn(h.Upstream, host+"/", where, digest)...)
	}
	for prefix, u := range w.layouts {
		names = append(names, w.signedIn(u, prefix, where, digest)...)
	}
	slices.Sort(names)
	return names
}

// signedIn is imagesWith for one registry, whose images have names that begin with prefix.
func (w *world) signedIn(u *upstream.Upstream, prefix, where, digest string) []string {
	repositories, err := u.Repositories()
	if err != nil {
		return nil
	}
	var names []string
	for repository, tags := range repositories {
		signed := w.plans.SignedName(prefix + repository)
		if _, path, _ := strings.Cut(signed, "/"); !strings.HasSuffix(where, "/"+path) {
			continue
		}
		for _, tag := range tags {
			if sum, ok := u.Lookup(repository, tag); ok && sum == digest {
				names = append(names, signed+":"+tag)
			}
		}
	}
	return names
}

// digestsOf gives the digests of a content.
func digestsOf(b []byte) map[runner.Algo]string {
	m, s, l := md5.Sum(b), sha256.Sum256(b), sha512.Sum512(b)
	return map[runner.Algo]string{
		runner.MD5: hex.EncodeToString(m[:]), runner.SHA256: hex.EncodeToString(s[:]), runner.SHA512: hex.EncodeToString(l[:]),
	}
}
