package glance_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/glance"
)

// onPatch puts a hook before the changes of images. A hook that
// gives false lets the cloud answer.
func onPatch(h http.Handler, hook func(w http.ResponseWriter, r *http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPatch || !hook(w, r) {
			h.ServeHTTP(w, r)
		}
	})
}

// unchanged answers a change with 200 and the image as it is.
func unchanged(cloud http.Handler) func(w http.ResponseWriter, r *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		r.Method = http.MethodGet
		cloud.ServeHTTP(w, r)
		return true
	}
}

// A cloud that answers 200 and changes nothing is not believed.
func TestConvergeIntoACloudThatChangesNothing(t *testing.T) {
	data := content("new", 1000)
	const other = "40759dfb-3ae2-479e-9eb0-8efdb779714a"
	for _, tc := range []struct {
		name   string
		before func(w *glance.Want) // what the cloud has before; nil: nothing
		change func(w *glance.Want) // what is wanted then
		err    string
	}{
		{"name", nil, nil, `(name it "overcloud-full"): the cloud accepts the change and does not make it: image "overcloud-full.bayplan-upload" still has the name "overcloud-full.bayplan-upload", not "overcloud-full"`},
		{
			"name of the old image",
			func(w *glance.Want) { *w = want(name, content("old", 1000)) }, nil,
			`still has the name "overcloud-full", not "overcloud-full_2`,
		},
		{
			"property",
			func(w *glance.Want) { w.Properties = map[string]string{"kernel_id": other} }, nil,
			`(set kernel_id): the cloud accepts the change and does not make it: image "overcloud-full" still has the kernel_id "` + other + `", not "3a7f5849-f332-4b5b-a162-4163644e4b5f"`,
		},
		{
			"visibility",
			func(w *glance.Want) { w.Visibility = "private" }, nil,
			`(make it public): the cloud accepts the change and does not make it: image "overcloud-full" still has the visibility "private", not "public"`,
		},
		{
			"minimums",
			func(*glance.Want) {}, func(w *glance.Want) { w.MinDisk = 7 },
			`(set min_disk and min_ram): the cloud accepts the change and does not make it: image "overcloud-full" still has the min_disk 0, not 7`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			emb := newCloud(t)
			w := want(name, data)
			if tc.before != nil {
				before := w
				tc.before(&before)
				mustConverge(t, inside(t, emb), before)
			}
			if tc.change != nil {
				tc.change(&w)
			}
			_, err := converge(t, inside(t, onPatch(emb, unchanged(emb))), w)
			if err == nil || !strings.Contains(err.Error(), tc.err) || !strings.HasPrefix(err.Error(), "change image ") || !strings.Contains(err.Error(), ` of cloud "undercloud" `) {
				t.Errorf("got error %v, want one with %q", err, tc.err)
			}
			mustConverge(t, inside(t, emb), w)
			checkHolds(t, inside(t, emb), w)
		})
	}
}

// What the answer to a change does not show is asked for once; what it shows is not
// asked for.
func TestConvergeAsksForAnImageOnceAfterAChange(t *testing.T) {
	for _, tc := range []struct {
		name string
		hook func(emb http.Handler) func(http.ResponseWriter, *http.Request) bool
		gets int
	}{
		{"the answer shows it", func(http.Handler) func(http.ResponseWriter, *http.Request) bool {
			return func(http.ResponseWriter, *http.Request) bool { return false }
		}, 1},
		{"the answer shows nothing", func(emb http.Handler) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				emb.ServeHTTP(httptest.NewRecorder(), r)
				_, _ = w.Write([]byte("{}"))
				return true
			}
		}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			emb := newCloud(t)
			gets, patched := 0, false
			h := onPatch(emb, tc.hook(emb))
			c := inside(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				patched = patched || r.Method == http.MethodPatch
				if patched && r.Method == http.MethodGet {
					gets++
				}
				h.ServeHTTP(w, r)
			}))
			w := want(name, content("new", 1000))
			img := mustConverge(t, c, w)
			if gets != tc.gets {
				t.Errorf("after the change the cloud was asked %d times, want %d", gets, tc.gets)
			}
			if img.Name != name || img.Hash != w.SHA512 || img.Properties["kernel_id"] != w.Properties["kernel_id"] {
				t.Errorf("got image %+v", img)
			}
		})
	}
}

// An image that the cloud made with less than was asked for does not pass as wanted.
func TestConvergeIntoACloudThatDropsAProperty(t *testing.T) {
	emb := newCloud(t)
	drop := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPatch && r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/v2/images/") {
				h.ServeHTTP(w, r)
				return
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			w.WriteHeader(rec.Code)
			_, _ = w.Write([]byte(strings.ReplaceAll(rec.Body.String(), `"kernel_id"`, `"dropped"`)))
		})
	}
	_, err := converge(t, inside(t, drop(emb)), want(name, content("new", 1000)))
	const text = `after the change image "overcloud-full" has the kernel_id "", not "3a7f5849-f332-4b5b-a162-4163644e4b5f"`
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got error %v, want one with %q", err, text)
	}
}
