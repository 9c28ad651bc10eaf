package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/mediatype"
	v1 "github.com/regclient/regclient/types/oci/v1"
)

func (x *exchange) getManifest() error {
	m, err := x.repo.find(x.at.ref)
	if err != nil {
		return err
	}
	f, err := x.repo.open(m.Digest)
	if err != nil {
		return orUnknown(err, "MANIFEST_UNKNOWN", fmt.Sprintf("the manifest %s of %s is lost", m.Digest, x.repo.name))
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
	tagged := m.Digest.String() != x.at.ref
	err = x.repo.change(func(idx *v1.Index) error {
		if tagged {
			untag(idx, x.at.ref)
		} else {
			drop(idx, m.Digest)
		}
		return nil
	})
	if err == nil && !tagged {
		err = x.repo.remove(m.Digest)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	x.w.WriteHeader(http.StatusAccepted)
	return nil
}

// putManifest takes a manifest whose parts are there, and names it by a tag, by
// those that the query gives, or by its digest alone.
func (x *exchange) putManifest() error {
	tags := x.req.URL.Query()["tag"]
	algorithm := digest.SHA256
	want, err := digest.Parse(x.at.ref)
	byDigest := err == nil
	switch {
	case byDigest:
		algorithm = want.Algorithm()
	case len(tags) > 0:
		return refusal{http.StatusBadRequest, "UNSUPPORTED", "a tag in the query needs a digest in the path"}
	default:
		tags = []string{x.at.ref}
	}
	for _, tag := range tags {
		if !tagName.MatchString(tag) {
			return refusal{http.StatusBadRequest, "TAG_INVALID", quote(tag) + " is neither a tag nor a digest"}
		}
	}
	text, err := x.readManifest()
	if err != nil {
		return err
	}
	m := descriptor.Descriptor{Digest: algorithm.FromBytes(text), Size: int64(len(text))}
	if byDigest && m.Digest != want {
		return refusal{http.StatusBadRequest, "DIGEST_INVALID", "the manifest is " + m.Digest.String()}
	}
	var doc *document
	if m.MediaType, doc, err = x.checkManifest(text); err != nil {
		return err
	}
	if err := x.checkParts(doc); err != nil {
		return err
	}
	if err := x.repo.put(m.Digest, text); err != nil {
		return err
	}
	err = x.repo.change(func(idx *v1.Index) error {
		enter(idx, m, tags)
		return nil
	})
	if err != nil {
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

// checkManifest gives the media type of a manifest, and what is in it.
func (x *exchange) checkManifest(text []byte) (string, *document, error) {
	invalid := func(why string) (string, *document, error) {
		return "", nil, refusal{http.StatusBadRequest, "MANIFEST_INVALID", why}
	}
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		return invalid("parsing the manifest: " + err.Error())
	}
	for _, d := range doc.digests() {
		if err := d.Validate(); err != nil {
			return invalid("the digest " + quote(d.String()) + ": " + err.Error())
		}
	}
	kind := doc.kind()
	if header := x.req.Header.Get("Content-Type"); header != "" {
		said, _, err := mime.ParseMediaType(header)
		if err != nil {
			return invalid("the Content-Type " + quote(header) + ": " + err.Error())
		}
		if doc.MediaType != "" && said != doc.MediaType {
			return invalid("it comes as " + quote(said) + ", and says that it is " + quote(doc.MediaType))
		}
		kind = said
	}
	switch kind {
	case mediatype.OCI1Manifest, mediatype.Docker2Manifest, mediatype.OCI1ManifestList, mediatype.Docker2ManifestList:
		return kind, &doc, nil
	}
	return invalid("manifests of the type " + quote(kind) + " are not taken")
}

// digests gives all digests in a manifest.
func (doc *document) digests() []digest.Digest {
	var all []digest.Digest
	for _, part := range slices.Concat(doc.Layers, doc.Manifests) {
		all = append(all, part.Digest)
	}
	for _, part := range []*descriptor.Descriptor{doc.Config, doc.Subject} {
		if part != nil {
			all = append(all, part.Digest)
		}
	}
	return all
}

// checkParts says which parts of a manifest are missing.
func (x *exchange) checkParts(doc *document) error {
	var missing refusals
	lacks := func(what string, d digest.Digest) {
		missing = append(missing, refusal{http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", what + " " + d.String() + " is missing"})
	}
	for _, d := range doc.blobs() {
		switch there, err := x.repo.holds(d); {
		case err != nil:
			return err
		case !there:
			lacks("the blob", d)
		}
	}
	for _, m := range doc.Manifests {
		_, err := x.repo.find(m.Digest.String())
		switch refused := (refusal{}); {
		case errors.As(err, &refused):
			lacks("the manifest", m.Digest)
		case err != nil:
			return err
		}
	}
	if len(missing) > 0 {
		return missing
	}
	return nil
}

// blobs gives the blobs that a manifest needs here: layers with URLs are
// somewhere else.
func (doc *document) blobs() []digest.Digest {
	var all []digest.Digest
	for _, l := range doc.Layers {
		if len(l.URLs) == 0 {
			all = append(all, l.Digest)
		}
	}
	if doc.Config != nil {
		all = append(all, doc.Config.Digest)
	}
	return all
}

// listReferrers lists the manifests that say they are about another one,
// which need not be there.
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
		doc, err := x.repo.document(m.Digest)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if m.ArtifactType = doc.artifact(); doc.about(subject) && (want == "" || m.ArtifactType == want) {
			m.Annotations = doc.Annotations
			found = append(found, m)
		}
	}
	if want != "" {
		x.w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	x.w.Header().Set("Content-Type", mediatype.OCI1ManifestList)
	sendJSON(x.w, http.StatusOK, v1.Index{Versioned: v1.IndexSchemaVersion, MediaType: mediatype.OCI1ManifestList, Manifests: found})
	return nil
}

func (doc *document) about(subject digest.Digest) bool {
	return doc.Subject != nil && doc.Subject.Digest == subject
}

// artifact is the type of artifact that lists of referrers give.
func (doc *document) artifact() string {
	if doc.ArtifactType == "" && doc.Config != nil {
		return doc.Config.MediaType
	}
	return doc.ArtifactType
}
