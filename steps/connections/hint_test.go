package connections

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

// Hints about logins know what the connection says already.
func TestLoginHints(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(s.Close)
	host := s.Listener.Addr().String()
	other := filepath.Join(t.TempDir(), "auth.json")
	mine := filepath.Join(t.TempDir(), "mine.json")
	basic := base64.StdEncoding.EncodeToString([]byte("u:p"))
	for file, key := range map[string]string{other: "other.example", mine: host} {
		if err := os.WriteFile(file, fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, key, basic), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("P", "hunter2")
	tests := map[string]struct{ file, settings, want, not string }{
		"nothing":                {other, "", "give the connection with host: " + host + " a user and a password, or login: config", "found no login"},
		"login: config, none":    {other, ", login: config", "login: config of the connection with host: " + host + " found no login: " + other + " has logins for other.example", "or login"},
		"login: config, refused": {mine, ", login: config", "its login is the entry \"" + host + "\" of " + mine, "check user"},
		"user, refused":          {mine, `, login: config, user: u, password: "${secrets.p}"`, "check user and password of the connection with host: " + host, "its login"},
		"token, refused":         {mine, `, token: "${secrets.p}"`, "check the token of the connection with host: " + host, "user"},
	}
	for name, tt := range tests {
		t.Setenv("REGISTRY_AUTH_FILE", tt.file)
		out, err := connect(t, fmt.Sprintf("    a: { host: %q, tls: disabled%s }\n", host, tt.settings))
		if err != nil {
			t.Fatal(err)
		}
		_, err = out.Registry().Resolve(t.Context(), host+"/ns/app:1")
		if hint := fault.Hint(err); !strings.Contains(hint, tt.want) || strings.Contains(hint, tt.not) {
			t.Errorf("%s: got hint %q of %v", name, hint, err)
		}
	}
}
