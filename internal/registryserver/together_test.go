package registryserver_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/registryserver"
)

// Tags that come at the same time are all there, and a tag that moves stands for one
// manifest.
func TestTagsAtTheSameTime(t *testing.T) {
	storages(t, func(t *testing.T, conf registryserver.Config) {
		checkTagsTogether(t, open(t, conf), "a")
		if conf.Dir != "" {
			wantTags(t, open(t, registryserver.Config{Dir: conf.Dir, ReadOnly: true}), "a")
		}
	})
	for _, name := range []string{"layout", "layout.tar"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			checkTagsTogether(t, oneLayout(path), "0/ns/a")
		})
	}
}

const together = 30

func checkTagsTogether(t *testing.T, h http.Handler, repo string) {
	t.Helper()
	var texts [3]string
	for i := range texts {
		d := push(t, h, repo, fmt.Sprintf("first%d", i))
		text := string(body(t, get(t, h, "/v2/"+repo+"/manifests/"+d)))
		texts[i] = strings.Replace(text, "{", fmt.Sprintf(`{"annotations":{"n":"%d"},`, i), 1)
	}
	var all sync.WaitGroup
	for i := range together {
		all.Go(func() {
			for _, tag := range []string{fmt.Sprintf("t%02d", i), "moving"} {
				put := call{method: http.MethodPut, path: "/v2/" + repo + "/manifests/" + tag, kind: ociManifest, text: texts[i%3]}
				if got := put.do(t, h).StatusCode; got != http.StatusCreated {
					t.Errorf("%s: got %d", tag, got)
				}
			}
		})
	}
	all.Wait()
	wantTags(t, h, repo)
	for i := range together {
		if got := string(body(t, get(t, h, fmt.Sprintf("/v2/%s/manifests/t%02d", repo, i)))); got != texts[i%3] {
			t.Errorf("t%02d: got %s", i, got)
		}
	}
}

func wantTags(t *testing.T, h http.Handler, repo string) {
	t.Helper()
	want := []string{"first0", "first1", "first2", "moving"}
	for i := range together {
		want = append(want, fmt.Sprintf("t%02d", i))
	}
	slices.Sort(want)
	got := string(body(t, get(t, h, "/v2/"+repo+"/tags/list")))
	if diff := cmp.Diff(fmt.Sprintf(`{"name":%q,"tags":["%s"]}`, repo, strings.Join(want, `","`)), got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}
