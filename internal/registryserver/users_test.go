package registryserver_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/bayplan/bayplan/internal/registryserver"
)

func hash(t *testing.T, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func usersFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestReadUsers(t *testing.T) {
	// As htpasswd writes it: another letter for the same hash.
	text := "# the site's\n\nstack:" + hash(t, "right") + "\r\n edge:" + strings.Replace(hash(t, "a:b ü"), "$2a$", "$2y$", 1) + "\n"
	users, err := registryserver.ReadUsers(usersFile(t, text))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		user, password string
		want           bool
	}{
		"right":                {"stack", "right", true},
		"right, and a colon":   {"edge", "a:b ü", true},
		"wrong":                {"stack", "wrong", false},
		"of another":           {"stack", "a:b ü", false},
		"nobody":               {"root", "right", false},
		"no name":              {"", "right", false},
		"no password":          {"stack", "", false},
		"the border elsewhere": {"stackr", "ight", false},
		"the hash itself":      {"stack", text, false},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // the second time it may be remembered
				if got := users.Allow(tt.user, tt.password); got != tt.want {
					t.Errorf("got %v, want %v", got, tt.want)
				}
			}
		})
	}
}

func TestReadBadUsers(t *testing.T) {
	good := hash(t, "right")
	for name, tt := range map[string]struct{ text, want string }{
		"empty":         {"", "there are none"},
		"only comments": {"# stack:" + good + "\n", "there are none"},
		"no hash":       {"stack\n", "line 1: it is not USER:HASH"},
		"no name":       {"a:" + good + "\n:" + good, "line 2: it is not USER:HASH"},
		"in the clear":  {"stack:horse staple\n", `line 1: the password of "stack" is not hashed with bcrypt`},
		"md5":           {"stack:$apr1$abcdefgh$0123456789012345678901\n", "is not hashed with bcrypt"},
		"cut":           {"stack:" + good[:20] + "\n", "is not hashed with bcrypt"},
		"twice":         {"stack:" + good + "\nstack:" + good + "\n", `line 2: "stack" is there twice`},
		"binary":        {"\x00\xff\n", "line 1: it is not USER:HASH"},
		"huge":          {strings.Repeat("#", 2<<20), "larger than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := registryserver.ReadUsers(usersFile(t, tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "staple") {
				t.Errorf("the error shows a password: %v", err)
			}
		})
	}
	if _, err := registryserver.ReadUsers(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing file has users")
	}
}

func TestUsersOfRegistry(t *testing.T) {
	users, err := registryserver.ReadUsers(usersFile(t, "stack:"+hash(t, "right")))
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, registryserver.Config{Users: users})
	login := func(user, password string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(user, password)
		return call{method: http.MethodGet, path: "/v2/", header: req.Header}.do(t, r)
	}
	wantStatus(t, get(t, r, "/v2/"), http.StatusUnauthorized)
	wantStatus(t, get(t, r, "/v2/_catalog"), http.StatusUnauthorized)
	wantStatus(t, login("stack", "wrong"), http.StatusUnauthorized)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got := login("stack", "right").StatusCode; got != http.StatusOK {
				t.Errorf("got %d", got)
			}
		})
	}
	all.Wait()
	wantStatus(t, login("stack", "wrong"), http.StatusUnauthorized)
}
