package glance_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/cloudsyaml"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/glance"
)

// What the services of a cloud say to explain an error is told, and no word of a library.
func TestTheCloudsOwnWords(t *testing.T) {
	for _, tc := range []struct {
		name         string
		login        string // the answer to the login: status code and body, "" for a token
		address      string // of the image service, in the catalogue; "" for the server's
		list         string // the answer to the list of images: status code and body
		want, absent string
		hint         string
	}{
		{"an expired password", `401 {"error": {"message": "The password is expired and must be changed for user: 7.", "code": 401}}`, "", "", `refuses the credentials of user "u" (401): The password is expired and must be changed for user: 7.`, "", "check user"},
		{"a wrong password", `401 {"error": {"message": "The request you have made requires authentication.", "code": 401}}`, "", "", `refuses the credentials of user "u" (401)`, "requires", "check user"},
		{"a proxy's 404", "404 <html><body><h1>404 Not Found</h1>no backend for port 35357</body></html>", "", "", "(404): no backend for port 35357", "Not Found", "/v3"},
		{"a locked account", `403 {"error": {"message": "The account is locked."}}`, "", "", "403 Forbidden: The account is locked.", "", ""},
		{"no address in the catalogue", "", "none", "", `the catalogue of the cloud says that the image service is at "/", which is not an address`, "protocol scheme", "image_endpoint_override"},
		{"a list in HTML", "", "", "200 <html>Sign in</html>", "the answer is no JSON", "invalid character", ""},
		{"HTML that repeats the status", "", "", "403 <html><h1>403 Forbidden</h1>by policy 7</html>", "403 Forbidden: by policy 7", "Forbidden: 403", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var base string
			answer := func(w http.ResponseWriter, text string) {
				code, body, _ := strings.Cut(text, " ")
				var status int
				_, _ = fmt.Sscan(code, &status)
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			}
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost && tc.login != "":
					answer(w, tc.login)
				case r.Method == http.MethodPost:
					address := base + "/image"
					if tc.address != "" {
						address = ""
					}
					w.Header().Set("X-Subject-Token", "t")
					w.WriteHeader(http.StatusCreated)
					_, _ = fmt.Fprintf(w, `{"token": {"expires_at": "2090-01-01T00:00:00.000000Z", "catalog": [{"type": "image", "name": "glance", "endpoints": [{"interface": "public", "url": %q}]}]}}`, address)
				case strings.HasSuffix(r.URL.Path, "/v2/images"):
					answer(w, tc.list)
				default:
					_, _ = io.WriteString(w, `{"versions": [{"id": "v2.9", "status": "CURRENT", "links": [{"rel": "self", "href": "`+base+`/image/v2/"}]}]}`)
				}
			}))
			defer srv.Close()
			base = srv.URL
			c, err := glance.Connect(t.Context(), glance.Options{Name: "c", Login: &cloudsyaml.Login{AuthURL: base + "/v3", Username: "u", UserDomainName: "D", Password: "p"}})
			if err == nil {
				_, err = c.List(t.Context(), "a")
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) || tc.absent != "" && strings.Contains(err.Error(), tc.absent) {
				t.Errorf("got %v, want %q and not %q", err, tc.want, tc.absent)
			}
			if hint := fault.Hint(err); !strings.Contains(hint, tc.hint) {
				t.Errorf("got the hint %q, want %q", hint, tc.hint)
			}
		})
	}
}
