package registry

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

// What a registry says to a push is told as it says it, beside what it means.
func TestPushIsRefusedInWords(t *testing.T) {
	tests := map[string]struct {
		status             int
		kind, body         string
		method, path       string
		wantKind           Kind
		want, hint, wanted string
	}{
		"the repository must exist first": {
			404, "application/json", `{"errors":[{"code":"NAME_UNKNOWN","message":"The repository with name 'ns/a' does not exist"}]}`, "POST", "uploads", NotFound,
			dstHost + " has no such repository, and a push does not make it (\"NAME_UNKNOWN: The repository with name 'ns/a' does not exist\")", "create first the repository ns/a, or its project ns", "",
		},
		"so, without words": {
			404, "text/plain", "", "POST", "uploads", NotFound, dstHost + " has no such repository, and a push does not make it", "create first the repository ns/a, or its project ns", "",
		},
		"the project must exist first": {
			404, "application/json", `{"errors":[{"code":"NOT_FOUND","message":"project ns not found"}]}`, "POST", "uploads", NotFound,
			dstHost + ` has no such repository, and a push does not make it ("NOT_FOUND: project ns not found")`, "create first the repository ns/a, or its project ns", "",
		},
		"a name that is not taken": {
			400, "application/json", `{"errors":[{"code":"NAME_INVALID","message":"invalid repository name"}]}`, "POST", "uploads", Other,
			`/ns/a: ` + dstHost + ` answers 400 Bad Request ("NAME_INVALID: invalid repository name")`, "rename gives images other names there", "not found",
		},
		"rights, or a project": {
			403, "application/json", `{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`, "POST", "uploads", Denied,
			`/ns/a: ` + dstHost + ` refuses the push of an anonymous user ("DENIED: requested access to the resource is denied")`, "", "no such repository",
		},
		"a quota": {
			403, "application/json", `{"errors":[{"code":"DENIED","message":"quota has been exceeded"}]}`, "POST", "uploads", Denied,
			dstHost + ` refuses the push of an anonymous user ("DENIED: quota has been exceeded")`, "", "no such repository",
		},
		"a policy, at the manifest": {
			403, "text/html", "<title>Immutable tag</title>", "PUT", "manifests", Denied, dstHost + ` refuses the push of an anonymous user ("Immutable tag")`, "", "no such repository",
		},
		"a blob that the manifest names": {
			404, "application/json", `{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}`, "PUT", "manifests", NotFound, `not found ("MANIFEST_BLOB_UNKNOWN: blob unknown to registry")`, "", "such repository",
		},
		"a precondition": {
			412, "application/json", `{"errors":[{"code":"PROJECTPOLICYVIOLATION","message":"scan first"}]}`, "PUT", "manifests", Other, `answers 412 Precondition Failed ("PROJECTPOLICYVIOLATION: scan first")`, "", "not found",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			src, dst, c := pair(t)
			src.image(t, "ns/a", "1", nil)
			dst.act(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != tt.method || !strings.Contains(r.URL.Path, tt.path) {
					return false
				}
				w.Header().Set("Content-Type", tt.kind)
				w.WriteHeader(tt.status)
				_, _ = fmt.Fprint(w, tt.body)
				return true
			})
			table := plan(t, c, []Image{{Source: srcHost + "/ns/a:1", Target: dstHost + "/ns/a:1"}})
			err := c.Execute(t.Context(), table, Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) || KindOf(err) != tt.wantKind || tt.wanted != "" && strings.Contains(err.Error(), tt.wanted) {
				t.Fatalf("got %v of kind %v, want %q", err, KindOf(err), tt.want)
			}
			if hint := fault.Hint(err); !strings.Contains(hint, tt.hint) {
				t.Errorf("hint %q", hint)
			}
		})
	}
}
