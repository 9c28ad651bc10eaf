package wire

import (
	"testing"

	"github.com/bayplan/bayplan/internal/ownwords"
)

// A push that may have failed since its project does not exist has a hint with what to
// create. One whose registry says another reason has not.
func TestHintOfRefusedPush(t *testing.T) {
	for name, tt := range map[string]struct {
		e    Error
		want string
	}{
		"a bare refusal":          {Error{Kind: Denied, method: "POST"}, "if it does not exist, create first the repository ns/a, or its project ns"},
		"as Docker Hub says it":   {Error{Kind: Denied, method: "POST", said: ownwords.Words{Code: "DENIED", Text: "DENIED: requested access to the resource is denied"}}, "if it does not exist, create first the repository ns/a, or its project ns"},
		"as Harbor says it":       {Error{Kind: Denied, method: "PUT", said: ownwords.Words{Code: "UNAUTHORIZED", Text: "UNAUTHORIZED: unauthorized to access repository: ns/a, action: push"}}, "if it does not exist, create first the repository ns/a, or its project ns"},
		"as Quay says it":         {Error{Kind: Denied, method: "POST", said: ownwords.Words{Code: "UNAUTHORIZED", Text: "UNAUTHORIZED: access to the requested resource is not authorized"}}, "if it does not exist, create first the repository ns/a, or its project ns"},
		"a quota":                 {Error{Kind: Denied, method: "POST", said: ownwords.Words{Code: "DENIED", Text: "DENIED: quota has been exceeded"}}, ""},
		"a pull":                  {Error{Kind: Denied, method: "GET"}, ""},
		"no such repository":      {Error{Kind: NotFound, method: "POST", opened: true, said: ownwords.Words{Code: "NOT_FOUND", Text: "NOT_FOUND: project ns not found"}}, "create first the repository ns/a, or its project ns"},
		"a blob of the manifest":  {Error{Kind: NotFound, method: "PUT", said: ownwords.Words{Code: "MANIFEST_BLOB_UNKNOWN"}}, ""},
		"a name it does not take": {Error{Kind: Other, method: "POST", said: ownwords.Words{Code: "NAME_INVALID"}}, "the registry does not take this name, perhaps since it wants PROJECT/NAME: rename gives images other names there"},
	} {
		tt.e.Repository, tt.e.cred = "ns/a", Credential{User: "stack", Password: "x"}
		if got := tt.e.Hint(); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	e := Error{Kind: NotFound, method: "POST", opened: true, Repository: "a"}
	if want := "create first the repository a (if the registry wants PROJECT/NAME, rename gives such a name)"; e.Hint() != want {
		t.Errorf("%q, want %q", e.Hint(), want)
	}
}
