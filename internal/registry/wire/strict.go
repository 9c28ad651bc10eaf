package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// errManifest says that a manifest could be read in more than one way.
var errManifest = errors.New("a manifest that cannot be trusted")

// isManifest says whether an answer holds a manifest.
func isManifest(req *http.Request, resp *http.Response) bool {
	return req.Method == http.MethodGet && resp.StatusCode == http.StatusOK && strings.Contains(req.URL.Path, "/manifests/")
}

// checkManifest rejects a manifest that other programs could read in another
// way: what is copied would not be what is run.
func checkManifest(req *http.Request, resp *http.Response) error {
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return fmt.Errorf("%w: %s sends it compressed (%q), which was not asked for", errManifest, req.URL.Host, enc)
	}
	if resp.ContentLength > MaxManifest {
		return fmt.Errorf("%w: it is too large: %s would send %d bytes, and at most %d are read", errManifest, req.URL.Host, resp.ContentLength, MaxManifest)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, MaxManifest+1))
	if err != nil {
		return err
	}
	if len(b) > MaxManifest {
		return fmt.Errorf("%w: it is too large: %s sends more than the %d bytes that are read at the most", errManifest, req.URL.Host, MaxManifest)
	}
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(b))
	if !json.Valid(b) {
		return nil // regclient reports it
	}
	if err := checkUnambiguous(b); err != nil {
		return fmt.Errorf("%w: %w", errManifest, err)
	}
	if isOldFormat(b) {
		nameOldFormat(req, resp, b)
	}
	return sameType(b, resp.Header.Get("Content-Type"))
}

// sameType compares the media type in a manifest with that of the answer.
func sameType(b []byte, sent string) error {
	var m struct {
		MediaType string            `json:"mediaType"`
		Config    json.RawMessage   `json:"config"`
		Layers    []json.RawMessage `json:"layers"`
		Manifests []json.RawMessage `json:"manifests"`
	}
	if json.Unmarshal(b, &m) != nil {
		return nil
	}
	base, _, err := mime.ParseMediaType(sent)
	switch {
	case m.MediaType != "" && (err != nil || m.MediaType != base):
		return fmt.Errorf("%w: it is sent with the media type %q and says that it is %q", errManifest, sent, m.MediaType)
	case m.Manifests != nil && (m.Layers != nil || m.Config != nil):
		return fmt.Errorf("%w: it is an index and an image at once", errManifest)
	}
	return nil
}

// checkUnambiguous rejects keys that occur twice in an object, and keys that
// differ from known ones only in case. Go's decoder takes the last one, other
// decoders take another one.
func checkUnambiguous(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return readValue(d, "", 0)
}

// maxNesting is deeper than any manifest is.
const maxNesting = 32

func readValue(d *json.Decoder, key string, depth int) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if depth > maxNesting {
		return fmt.Errorf("it is nested more than %d deep", maxNesting)
	}
	// The keys of annotations are free.
	free := key == "annotations"
	seen := map[string]bool{}
	for d.More() {
		inner := key
		if open == '{' {
			t, err := d.Token()
			if err != nil {
				return err
			}
			inner, _ = t.(string)
			if seen[inner] {
				return fmt.Errorf("the key %q stands in it twice", inner)
			}
			seen[inner] = true
			if k := differsInCase(inner); k != "" && !free {
				return fmt.Errorf("the key %q is %q in another case", inner, k)
			}
		}
		if err := readValue(d, inner, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// manifestKeys decide what a manifest consists of.
var manifestKeys = [...]string{
	"schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "blobs", "subject",
	"digest", "size", "urls", "data", "platform", "architecture", "os", "variant", "annotations",
}

// differsInCase gives the known key that k spells in another case, "" for none.
func differsInCase(k string) string {
	for _, known := range manifestKeys {
		if k != known && strings.EqualFold(k, known) {
			return known
		}
	}
	return ""
}
