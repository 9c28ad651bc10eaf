package registryserver_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/registryserver"
)

func TestMount(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		r := open(t, conf)
		layer := pushBlob(t, r, "ns/home", []byte("a layer"))
		mount := call{method: http.MethodPost, path: "/v2/ns/other/blobs/uploads/?mount=" + layer + "&from=ns/home"}
		wantStatus(t, mount.do(t, r), http.StatusCreated)
		wantStatus(t, mount.do(t, r), http.StatusCreated)
		if got := string(body(t, get(t, r, "/v2/ns/other/blobs/"+layer))); got != "a layer" {
			t.Errorf("the blob is %q", got)
		}
		push(t, r, "ns/other", "1")
		// The one does not depend on the other.
		wantStatus(t, call{method: http.MethodDelete, path: "/v2/ns/home/blobs/" + layer}.do(t, r), http.StatusAccepted)
		wantStatus(t, get(t, r, "/v2/ns/home/blobs/"+layer), http.StatusNotFound)
		wantStatus(t, get(t, r, "/v2/ns/other/blobs/"+layer), http.StatusOK)
		if diff := cmp.Diff([]string{"ns/other"}, catalog(t, r, "/v2/_catalog")); diff != "" {
			t.Errorf("catalog (-want +got):\n%s", diff)
		}
	})
}

// A mount stores no byte twice.
func TestMountIsALink(t *testing.T) {
	dir := t.TempDir()
	r := open(t, registryserver.Config{Dir: dir})
	layer := pushBlob(t, r, "home", []byte("a layer"))
	wantStatus(t, call{method: http.MethodPost, path: "/v2/other/blobs/uploads/?mount=" + layer + "&from=home"}.do(t, r), http.StatusCreated)
	var info [2]os.FileInfo
	for n, repo := range []string{"home", "other"} {
		var err error
		if info[n], err = os.Stat(filepath.Join(dir, repo, "blobs", "sha256", layer[len("sha256:"):])); err != nil {
			t.Fatal(err)
		}
	}
	if !os.SameFile(info[0], info[1]) {
		t.Error("the blob is there twice")
	}
}

func TestMountThatCannotBe(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "dir", "blobs", "sha256")
	if err := os.MkdirAll(outside, 0o755); err != nil {
		t.Fatal(err)
	}
	secret := digest([]byte("secret"))
	write(t, filepath.Join(outside, secret[len("sha256:"):]), "secret")
	for name, query := range map[string]string{
		"absent":        "mount=" + secret + "&from=home",
		"no digest":     "mount=sha256:../../x&from=home",
		"no source":     "mount=" + secret,
		"outside":       "mount=" + secret + "&from=../dir",
		"absolute":      "mount=" + secret + "&from=" + filepath.Dir(filepath.Dir(outside)),
		"bad algorithm": "mount=md5:d41d8cd98f00b204e9800998ecf8427e&from=home",
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, registryserver.Config{Dir: t.TempDir()})
			pushBlob(t, r, "home", []byte("a layer"))
			resp := call{method: http.MethodPost, path: "/v2/other/blobs/uploads/?" + query}.do(t, r)
			if resp.StatusCode == http.StatusCreated {
				t.Error("it was mounted")
			}
			wantStatus(t, get(t, r, "/v2/other/blobs/"+secret), http.StatusNotFound)
		})
	}
}
