package ownwords

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// What registries, the servers before them and clouds write into the body of an error.
func TestRead(t *testing.T) {
	tests := map[string]struct {
		status     int
		kind, body string
		want       string
	}{
		"distribution":         {404, "application/json", `{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry","detail":{"name":"lab/x"}}]}`, ` ("NAME_UNKNOWN: repository name not known to registry; name: lab/x")`},
		"a text as the detail": {400, "application/json", `{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"blob upload invalid","detail":"upload expired"}]}`, ` ("BLOB_UPLOAD_INVALID: blob upload invalid; upload expired")`},
		"scopes":               {401, "application/json", `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":[{"Action":"pull","Class":"","Name":"a"}]}]}`, ` ("UNAUTHORIZED: authentication required; Action: pull, Name: a")`},
		"several":              {400, "application/json", `{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"one"},{"code":"MANIFEST_BLOB_UNKNOWN","message":"two"}]}`, ` ("MANIFEST_BLOB_UNKNOWN: one; MANIFEST_BLOB_UNKNOWN: two")`},
		"a code alone":         {405, "application/json", `{"errors":[{"code":"UNSUPPORTED"}]}`, ` ("UNSUPPORTED")`},
		"Harbor":               {412, "application/json", `{"errors":[{"code":"PROJECTPOLICYVIOLATION","message":"current image with severity high"}]}`, ` ("PROJECTPOLICYVIOLATION: current image with severity high")`},
		"Artifactory":          {403, "application/json", `{"errors":[{"status":403,"message":"Forbidden by quota"}]}`, ` ("Forbidden by quota")`},
		"GitLab":               {403, "application/json", `{"message":"403 Forbidden - storage limit"}`, ` ("403 Forbidden - storage limit")`},
		"Quay":                 {401, "application/json", `{"error":"Invalid robot token","error_type":"x"}`, ` ("Invalid robot token")`},
		"OAuth":                {400, "application/json", `{"error":"invalid_grant","error_description":"token has expired"}`, ` ("token has expired")`},
		"a cloud":              {404, "application/json; charset=utf-8", `{"__type":"RepositoryNotFoundException","message":"does not exist"}`, ` ("does not exist")`},
		"a problem":            {403, "application/problem+json", `{"title":"Forbidden","detail":"the plan has ended"}`, ` ("the plan has ended")`},
		"texts":                {403, "application/json", `{"errors":["denied by rule 7"]}`, ` ("denied by rule 7")`},
		"text":                 {403, "text/plain", "denied\nby \x1b[31mpolicy\x07\u202e", ` ("denied by [31mpolicy")`},
		"a page":               {502, "text/html", "<html><head><title>Web filter &amp; proxy: blocked</title></head><body>x</body></html>", ` ("Web filter & proxy: blocked")`},
		"a page, no title":     {502, "", "<HTML><style>p{}</style><p>go <b>away</b></p></HTML>", ` ("go away")`},
		"below the title":      {403, "text/html", "<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1>The image is locked by policy 7.<br /></body></html>", ` ("The image is locked by policy 7.")`},
		"a server's name":      {404, "text/html", "<html><head><title>404 Not Found</title></head><body><center><h1>404 Not Found</h1></center><hr><center>nginx/1.18.0</center></body></html>", ""},
		"what the status says": {404, "text/html", "<title>404 Not Found</title>", ""},
		"Go's own text":        {404, "text/plain", "404 page not found\n", ""},
		"bytes":                {500, "application/octet-stream", "\x00\x01", ""},
		"no errors":            {418, "application/json", `{"errors":[]}`, ""},
		"long":                 {418, "text/plain", strings.Repeat("é", 5000), ` ("` + strings.Repeat("é", maxSaid) + `...")`},
		"no error":             {200, "text/plain", "fine", ""},
	}
	for name, tt := range tests {
		resp := &http.Response{StatusCode: tt.status, Header: http.Header{"Content-Type": {tt.kind}}, Body: io.NopCloser(strings.NewReader(tt.body))}
		if got := Read(resp).Quoted(); got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
		if b, err := io.ReadAll(resp.Body); err != nil || string(b) != tt.body {
			t.Errorf("%s: %d bytes are left, %v", name, len(b), err)
		}
	}
}
