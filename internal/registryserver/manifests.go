package registryserver

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/mediatype"

	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

// maxManifest is the size of the largest manifest, in bytes. The specification
// asks for at least that.
const maxManifest = 4 << 20

// A document is what is in a manifest.
type document struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        *named            `json:"config"`
	Layers        []named           `json:"layers"`
	Manifests     []named           `json:"manifests"`
	Subject       *named            `json:"subject"`
	Annotations   map[string]string `json:"annotations"`
}

// A named blob is a blob that a manifest names.
type named struct {
	MediaType string        `json:"mediaType"`
	Digest    digest.Digest `json:"digest"`
	Size      int64         `json:"size"`
	URLs      []string      `json:"urls"`
}

// isForeign says that a layer, by its type, must not be kept in registries.
func (n named) isForeign() bool {
	return strings.Contains(n.MediaType, ".foreign.") || strings.Contains(n.MediaType, ".nondistributable.")
}

// kind is the media type of a manifest. The manifest need not say it.
func (doc *document) kind() string {
	switch {
	case doc.MediaType != "":
		return doc.MediaType
	case doc.Manifests != nil:
		return mediatype.OCI1ManifestList
	}
	return mediatype.OCI1Manifest
}

// artifact is the artifact type in lists of referrers.
func (doc *document) artifact() string {
	if doc.ArtifactType == "" && doc.Config != nil {
		return doc.Config.MediaType
	}
	return doc.ArtifactType
}

// parts gives all that the manifest names, without its subject.
func (doc *document) parts() iter.Seq[named] {
	return func(yield func(named) bool) {
		if doc.Config != nil && !yield(*doc.Config) {
			return
		}
		for _, list := range [][]named{doc.Layers, doc.Manifests} {
			for _, n := range list {
				if !yield(n) {
					return
				}
			}
		}
	}
}

// parseDocument reads a manifest. Other content gives an empty document.
func parseDocument(text []byte) *document {
	var doc document
	if json.Unmarshal(text, &doc) != nil {
		return &document{}
	}
	return &doc
}

func isIndex(mediaType string) bool {
	return mediaType == mediatype.OCI1ManifestList || mediaType == mediatype.Docker2ManifestList
}

func isManifest(mediaType string) bool {
	return isIndex(mediaType) || mediaType == mediatype.OCI1Manifest || mediaType == mediatype.Docker2Manifest
}

func (x *exchange) getManifest() error {
	m, err := x.repo.find(x.at.ref)
	if err != nil {
		return err
	}
	f, err := x.repo.Open(m.Digest)
	if err != nil {
		return notFoundIfAbsent(err, "MANIFEST_UNKNOWN", fmt.Sprintf("the manifest %s of %s is lost", m.Digest, x.repo.name))
	}
	defer f.Close()
	x.send(m.MediaType, m.Digest, f)
	return nil
}

// deleteManifest deletes a tag, or a manifest with all of its tags.
func (x *exchange) deleteManifest() error {
	if x.conf.NoDelete {
		return errNoDelete
	}
	m, err := x.repo.find(x.at.ref)
	if err != nil {
		return err
	}
	switch byDigest := m.Digest.String() == x.at.ref; {
	case byDigest && x.shared:
		return errNoDelete // another repository may need it
	case byDigest:
		err = x.repo.deleteManifest(m.Digest)
	default:
		err = x.repo.removeTag(x.at.ref)
	}
	if err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusAccepted)
	return nil
}

// putManifest takes a manifest whose parts are there.
func (x *exchange) putManifest() error {
	want, tags, err := x.manifestNames()
	if err != nil {
		return err
	}
	text, err := x.readManifest()
	if err != nil {
		return err
	}
	algorithm := digest.SHA256
	if want != "" {
		algorithm = want.Algorithm()
	}
	m := descriptor.Descriptor{Digest: algorithm.FromBytes(text), Size: int64(len(text))}
	if want != "" && m.Digest != want {
		return refusal{http.StatusBadRequest, "DIGEST_INVALID", "the manifest is " + m.Digest.String()}
	}
	var doc *document
	if m.MediaType, doc, err = x.checkManifest(text); err != nil {
		return err
	}
	if !x.shared {
		if err := x.checkParts(doc); err != nil {
			return err
		}
	}
	ready := func() error {
		if x.shared && !isIndex(m.MediaType) {
			return x.checkParts(doc) // another process may have removed some until now
		}
		return nil
	}
	if err := x.repo.putManifest(m, text, tags, ready); err != nil {
		return err
	}
	for _, tag := range tags {
		x.w.Header().Add("OCI-Tag", tag)
	}
	if doc.Subject != nil {
		x.w.Header().Set("OCI-Subject", doc.Subject.Digest.String())
	}
	x.created("manifests", m.Digest)
	return nil
}

// manifestNames gives the names of a new manifest: a tag, or its digest and the
// tags of the query.
func (x *exchange) manifestNames() (want digest.Digest, tags []string, err error) {
	tags = x.req.URL.Query()["tag"]
	switch d, err := digest.Parse(x.at.ref); {
	case err == nil:
		want = d
	case len(tags) > 0:
		return "", nil, refusal{http.StatusBadRequest, "UNSUPPORTED", "a tag in the query needs a digest in the path"}
	default:
		tags = []string{x.at.ref}
	}
	for _, tag := range tags {
		if !tagName.MatchString(tag) {
			return "", nil, refusal{http.StatusBadRequest, "TAG_INVALID", quote(tag) + " is neither a tag nor a digest"}
		}
	}
	return want, tags, nil
}

func (x *exchange) readManifest() ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(x.req.Body, maxManifest+1))
	if err != nil {
		return nil, refusal{http.StatusBadRequest, "MANIFEST_INVALID", "reading the manifest: " + err.Error()}
	}
	if len(text) > maxManifest {
		return nil, refusal{http.StatusRequestEntityTooLarge, "MANIFEST_INVALID", fmt.Sprintf("a manifest has %d bytes at most", maxManifest)}
	}
	return text, nil
}

// checkManifest gives the media type and the content of a manifest.
func (x *exchange) checkManifest(text []byte) (kind string, doc *document, err error) {
	if err := json.Unmarshal(text, &doc); err != nil {
		return "", nil, invalidManifest("parsing it: " + err.Error())
	}
	if doc == nil {
		return "", nil, invalidManifest("it is null")
	}
	kind = doc.kind()
	if header := x.req.Header.Get("Content-Type"); header != "" {
		said, _, err := mime.ParseMediaType(header)
		if err != nil {
			return "", nil, invalidManifest("the Content-Type " + quote(header) + ": " + err.Error())
		}
		if doc.MediaType != "" && said != doc.MediaType {
			return "", nil, invalidManifest("it comes as " + quote(said) + ", and says that it is " + quote(doc.MediaType))
		}
		kind = said
	}
	if x.shared {
		return kind, doc, nil
	}
	return kind, doc, doc.check(kind)
}

func invalidManifest(why string) error {
	return refusal{http.StatusBadRequest, "MANIFEST_INVALID", "the manifest: " + why}
}

// check checks a manifest of some media type. It rejects one that could be of
// two types.
func (doc *document) check(kind string) error {
	switch {
	case doc.SchemaVersion == 1:
		return invalidManifest("it is in Docker's old image format (schema 1), which is not taken")
	case !isManifest(kind):
		return invalidManifest("those of the type " + quote(kind) + " are not taken")
	case isIndex(kind) && (doc.Config != nil || doc.Layers != nil):
		return invalidManifest("it is an index, and has layers or a config")
	case !isIndex(kind) && (doc.Config == nil || doc.Manifests != nil):
		return invalidManifest("it is that of an image, and has no config, or manifests")
	}
	for n := range doc.parts() {
		if err := n.Digest.Validate(); err != nil {
			return invalidManifest("the digest " + quote(n.Digest.String()) + ": " + err.Error())
		}
	}
	if doc.Subject != nil {
		if err := doc.Subject.Digest.Validate(); err != nil {
			return invalidManifest("the digest " + quote(doc.Subject.Digest.String()) + " of its subject: " + err.Error())
		}
	}
	return nil
}

// checkParts reports the missing parts of a manifest. Parts with URLs may be
// elsewhere. Parts of an index need not be manifests, because caches of builds
// are pushed that way.
func (x *exchange) checkParts(doc *document) error {
	var missing refusals
	for n := range doc.parts() {
		if len(n.URLs) > 0 || x.shared && n.isForeign() {
			continue
		}
		switch there, err := x.repo.holds(n.Digest, n.Size); {
		case err != nil:
			return err
		case !there:
			why := fmt.Sprintf("%s of %d bytes is missing", n.Digest, n.Size)
			missing = append(missing, refusal{http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", why})
		}
	}
	if len(missing) > 0 {
		return missing
	}
	return nil
}

// listReferrers lists the manifests that refer to a manifest. The latter need
// not be there.
func (x *exchange) listReferrers() error {
	subject, err := x.digest()
	if err != nil {
		return err
	}
	want := x.req.URL.Query().Get("artifactType")
	found := []descriptor.Descriptor{}
	for m, err := range x.repo.manifests() {
		if err != nil {
			return err
		}
		is, err := x.repo.facts(m.Digest)
		if err != nil {
			return err
		}
		if is.subject != subject || want != "" && is.artifact != want {
			continue
		}
		switch there, err := x.repo.holds(m.Digest, -1); { // it may have been deleted as a blob
		case err != nil:
			return err
		case there:
			m.ArtifactType, m.Annotations = is.artifact, is.annotations
			found = append(found, m)
		}
	}
	if want != "" {
		x.w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	x.w.Header().Set("Content-Type", mediatype.OCI1ManifestList)
	sendJSON(x.w, http.StatusOK, layoutindex.Index{SchemaVersion: 2, MediaType: mediatype.OCI1ManifestList, Manifests: found})
	return nil
}
