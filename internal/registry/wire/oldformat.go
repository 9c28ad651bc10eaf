package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"strconv"

	"github.com/opencontainers/go-digest"
)

// isOldFormat says whether a manifest is in the format that Docker had before 2016.
func isOldFormat(b []byte) bool {
	var m struct {
		SchemaVersion int               `json:"schemaVersion"`
		FSLayers      []json.RawMessage `json:"fsLayers"`
	}
	return json.Unmarshal(b, &m) == nil && m.SchemaVersion == 1 && m.FSLayers != nil
}

// nameOldFormat gives a manifest in Docker's old format the media type of one without
// signatures. Some servers send it as any JSON. Of a signed one the digest is mostly that of
// what is signed: then that becomes the answer, so that nobody else has to take it apart.
func nameOldFormat(req *http.Request, resp *http.Response, b []byte) {
	resp.Header.Set("Content-Type", "application/vnd.docker.distribution.manifest.v1+json")
	want := digest.Digest(path.Base(req.URL.Path))
	if want.Validate() != nil {
		want = digest.Digest(resp.Header.Get("Docker-Content-Digest"))
	}
	payload := signedPart(b)
	if want.Validate() != nil || want.Algorithm().FromBytes(payload) != want {
		return
	}
	resp.Body = io.NopCloser(bytes.NewReader(payload))
	resp.ContentLength = int64(len(payload))
	resp.Header.Set("Content-Length", strconv.Itoa(len(payload)))
}

// signedPart gives what is signed of a manifest in the old format: its beginning and a tail,
// which the signatures name. It gives nil where they do not.
func signedPart(b []byte) []byte {
	var m struct {
		Signatures []struct {
			Protected string `json:"protected"`
		} `json:"signatures"`
	}
	if json.Unmarshal(b, &m) != nil || len(m.Signatures) == 0 {
		return nil
	}
	var named struct {
		Length int    `json:"formatLength"`
		Tail   string `json:"formatTail"`
	}
	text, err := base64.RawURLEncoding.DecodeString(m.Signatures[0].Protected)
	if err != nil || json.Unmarshal(text, &named) != nil || named.Length < 0 || named.Length > len(b) {
		return nil
	}
	tail, err := base64.RawURLEncoding.DecodeString(named.Tail)
	if err != nil {
		return nil
	}
	return append(bytes.Clone(b[:named.Length]), tail...)
}
