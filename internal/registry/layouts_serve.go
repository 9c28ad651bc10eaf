package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/registry/wire"
)

// layoutHost is what layouts are called as a registry. No server can have the name.
const layoutHost = "oci-layout.invalid"

// layoutConcurrency is more than a plan may ask for: a disk has no rules.
const layoutConcurrency = 128

// layouts answer as one registry, inside the process: so one engine moves
// images between registries and layouts in all directions. The first part of a
// repository's name is the number of its layout.
type layouts struct {
	mu  sync.Mutex // images are looked at beside each other
	all []*ocilayout.Layout
}

// at gives the layout of a directory or archive with its number.
func (ls *layouts) at(dir string) (*ocilayout.Layout, int) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for i, l := range ls.all {
		if l.Path() == dir {
			return l, i
		}
	}
	ls.all = append(ls.all, ocilayout.Open(dir))
	return ls.all[len(ls.all)-1], len(ls.all) - 1
}

// written gives the layouts that a table is to write to.
func (c *Client) written(t *Table) []*ocilayout.Layout {
	var all []*ocilayout.Layout
	for _, e := range t.Images {
		if e.target.Path == "" {
			continue
		}
		if l, _ := c.layouts.at(e.target.Path); !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	return all
}

func (ls *layouts) number(n int) *ocilayout.Layout {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if n >= len(ls.all) {
		return nil
	}
	return ls.all[n]
}

var layoutPath = regexp.MustCompile(`^/v2/([0-9]{1,4})/(.+)/(blobs|manifests|referrers|blobs/uploads|tags)/([^/]*)$`)

// ServeHTTP answers as far as the client asks: it has no catalog, as every
// blob of a layout is there for all of its repositories.
func (ls *layouts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m := layoutPath.FindStringSubmatch(r.URL.Path)
	if m == nil {
		status := http.StatusNotFound
		if r.URL.Path == "/v2/" {
			status = http.StatusOK
		}
		w.WriteHeader(status)
		return
	}
	n, _ := strconv.Atoi(m[1])
	l := ls.number(n)
	if l == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	a := &layoutAnswer{ls: ls, l: l, w: w, r: r, repository: m[2], what: m[4]}
	a.give(a.serve(m[3]))
}

// A layoutAnswer is the answer to one request.
type layoutAnswer struct {
	ls         *layouts
	l          *ocilayout.Layout
	w          http.ResponseWriter
	r          *http.Request
	repository string
	what       string // digest or tag
}

func (a *layoutAnswer) serve(kind string) error {
	read := a.r.Method == http.MethodGet || a.r.Method == http.MethodHead
	switch {
	case kind == "blobs" && read:
		return a.blob()
	case kind == "blobs/uploads" && a.r.Method == http.MethodPost:
		return a.post()
	case kind == "blobs/uploads" && a.r.Method == http.MethodPut:
		return a.putBlob()
	case kind == "manifests" && read:
		return a.manifest()
	case kind == "manifests" && a.r.Method == http.MethodPut:
		return a.putManifest()
	case kind == "manifests" && a.r.Method == http.MethodDelete:
		return a.deleteTag()
	case kind == "referrers" && read:
		return a.referrers()
	case kind == "tags" && read:
		return a.tags()
	}
	a.w.WriteHeader(http.StatusMethodNotAllowed)
	return nil
}

// give tells an error. What cannot be written now cannot be written by trying
// again, which is what 507 says.
func (a *layoutAnswer) give(err error) {
	status := http.StatusInsufficientStorage
	switch {
	case err == nil:
		return
	case errors.Is(err, fs.ErrNotExist) && a.r.Method != http.MethodPut:
		status = http.StatusNotFound
	case errors.Is(err, ocilayout.ErrDigest), errors.Is(err, digest.ErrDigestInvalidFormat), errors.Is(err, digest.ErrDigestInvalidLength), errors.Is(err, digest.ErrDigestUnsupported):
		status = http.StatusBadRequest
	}
	a.json(status, "application/json", map[string]any{"errors": []any{map[string]string{"code": "LAYOUT", "message": err.Error()}}})
}

func (a *layoutAnswer) json(status int, contentType string, v any) {
	a.w.Header().Set("Content-Type", contentType)
	a.w.WriteHeader(status)
	_ = json.NewEncoder(a.w).Encode(v)
}

func (a *layoutAnswer) blob() error {
	d, err := digest.Parse(a.what)
	if err != nil {
		return err
	}
	f, err := a.l.Open(d)
	if err != nil {
		return err
	}
	defer f.Close()
	a.w.Header().Set("Content-Type", "application/octet-stream")
	a.w.Header().Set("Docker-Content-Digest", d.String())
	http.ServeContent(a.w, a.r, "", time.Time{}, f)
	return nil
}

// post begins an upload, unless the blob is there: in this layout, or in
// another one that it is to be mounted from.
func (a *layoutAnswer) post() error {
	if d, err := digest.Parse(a.r.URL.Query().Get("mount")); err == nil {
		switch mounted, err := a.mount(d); {
		case err != nil:
			return err
		case mounted:
			a.created("blobs", d)
			return nil
		}
	}
	a.w.Header().Set("Location", a.r.URL.Path+"new")
	a.w.WriteHeader(http.StatusAccepted)
	return nil
}

func (a *layoutAnswer) mount(d digest.Digest) (bool, error) {
	if f, err := a.l.Open(d); err == nil {
		return true, f.Close()
	}
	number, _, _ := strings.Cut(a.r.URL.Query().Get("from"), "/")
	n, err := strconv.Atoi(number)
	if err != nil {
		return false, nil
	}
	other := a.ls.number(n)
	if other == nil || other == a.l {
		return false, nil
	}
	f, err := other.Open(d)
	if err != nil {
		return false, nil // it is pulled, then
	}
	defer f.Close()
	return true, a.l.Put(d, f.Size(), f)
}

func (a *layoutAnswer) created(kind string, d digest.Digest) {
	base, _, _ := strings.Cut(a.r.URL.Path, "/"+a.repository+"/")
	a.w.Header().Set("Location", base+"/"+a.repository+"/"+kind+"/"+d.String())
	a.w.Header().Set("Docker-Content-Digest", d.String())
	a.w.WriteHeader(http.StatusCreated)
}

func (a *layoutAnswer) putBlob() error {
	d, err := digest.Parse(a.r.URL.Query().Get("digest"))
	if err != nil {
		return err
	}
	if err := a.l.Put(d, a.r.ContentLength, a.r.Body); err != nil {
		return err
	}
	a.created("blobs", d)
	return nil
}

// manifest answers for a tag or a digest. A tag whose manifest is lost is not there.
func (a *layoutAnswer) manifest() error {
	d, err := digest.Parse(a.what)
	kind := ""
	if err != nil {
		entry, found, err := a.l.Find(a.repository + ":" + a.what)
		if err != nil {
			return err
		}
		if !found {
			return fs.ErrNotExist
		}
		d, kind = entry.Digest, entry.MediaType
	}
	text, err := a.l.Manifest(d)
	if err != nil {
		return err
	}
	if kind == "" {
		kind = ocilayout.Inspect(text).MediaType
	}
	a.w.Header().Set("Content-Type", kind)
	a.w.Header().Set("Docker-Content-Digest", d.String())
	http.ServeContent(a.w, a.r, "", time.Time{}, bytes.NewReader(text))
	return nil
}

func (a *layoutAnswer) putManifest() error {
	text, err := io.ReadAll(io.LimitReader(a.r.Body, wire.MaxManifest+1))
	if err != nil {
		return err
	}
	d, err := digest.Parse(a.what)
	tagged := err != nil
	if tagged {
		d = digest.FromBytes(text)
	}
	if err := a.l.Put(d, int64(len(text)), bytes.NewReader(text)); err != nil {
		return err
	}
	s := ocilayout.Inspect(text)
	entry := descriptor.Descriptor{MediaType: a.r.Header.Get("Content-Type"), Digest: d, Size: int64(len(text))}
	if s.Subject != nil {
		refers := entry
		refers.ArtifactType, refers.Annotations = s.ArtifactType, withoutName(s.Annotations)
		if err := a.l.Enter(refers, ""); err != nil {
			return err
		}
		a.w.Header().Set("OCI-Subject", s.Subject.Digest.String())
	}
	if tagged {
		if err := a.l.Enter(entry, a.repository+":"+a.what); err != nil {
			return err
		}
	}
	a.created("manifests", d)
	return nil
}

// deleteTag takes a name out of the index. Its blobs go with the next sweep.
func (a *layoutAnswer) deleteTag() error {
	name := a.repository + ":" + a.what
	switch _, found, err := a.l.Find(name); {
	case err != nil:
		return err
	case !found:
		return fs.ErrNotExist
	}
	err := a.l.Change(func(idx *ocilayout.Index) {
		idx.Manifests = slices.DeleteFunc(idx.Manifests, func(d descriptor.Descriptor) bool { return d.Annotations[ocilayout.NameKey] == name })
	})
	if err == nil {
		a.w.WriteHeader(http.StatusAccepted)
	}
	return err
}

// withoutName leaves out of annotations what would be a name in the index.
func withoutName(annotations map[string]string) map[string]string {
	kept := map[string]string{}
	for k, v := range annotations {
		if k != ocilayout.NameKey {
			kept[k] = v
		}
	}
	return kept
}

func (a *layoutAnswer) referrers() error {
	subject, err := digest.Parse(a.what)
	if err != nil {
		return err
	}
	list, err := a.l.Referrers(subject)
	if err != nil {
		return err
	}
	a.json(http.StatusOK, ocilayout.IndexType, ocilayout.Index{SchemaVersion: 2, MediaType: ocilayout.IndexType, Manifests: list})
	return nil
}

func (a *layoutAnswer) tags() error {
	idx, err := a.l.Index()
	if err != nil {
		return err
	}
	tags := []string{}
	for _, d := range idx.Manifests {
		if tag, ok := strings.CutPrefix(d.Annotations[ocilayout.NameKey], a.repository+":"); ok {
			tags = append(tags, tag)
		}
	}
	a.json(http.StatusOK, "application/json", map[string]any{"name": a.repository, "tags": tags})
	return nil
}
