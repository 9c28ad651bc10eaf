package glanceupload

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
)

// A cloud that answers a change of an image with 200 and does not make it lets Apply
// fail: its outputs are confirmed.
func TestGlanceUploadIntoACloudThatChangesNothing(t *testing.T) {
	ignore := func(path string) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPatch {
					patch, _ := io.ReadAll(r.Body)
					r.Body = io.NopCloser(bytes.NewReader(patch))
					if strings.Contains(string(patch), `"`+path+`"`) {
						r.Method = http.MethodGet
					}
				}
				h.ServeHTTP(w, r)
			})
		}
	}
	for _, tc := range []struct {
		name   string
		path   string
		before func(t *testing.T, b *glanceBench) // of an upload that has succeeded; nil: there was none
		want   string
	}{
		{"name", "/name", nil, `still has the name "overcloud-full-vmlinuz.bayplan-upload", not "overcloud-full-vmlinuz"`},
		{"visibility", "/visibility", func(t *testing.T, b *glanceBench) {
			if err := b.bed.Client(t).SetVisibility(t.Context(), b.all(t)["overcloud-full"].ID, "private"); err != nil {
				t.Fatal(err)
			}
		}, `still has the visibility "private", not "public"`},
		{"property", "/ramdisk_id", func(t *testing.T, b *glanceBench) {
			properties := map[string]string{"ramdisk_id": "40759dfb-3ae2-479e-9eb0-8efdb779714a"}
			if err := b.bed.Client(t).SetProperties(t.Context(), b.all(t)["overcloud-full"].ID, properties); err != nil {
				t.Fatal(err)
			}
		}, `still has the ramdisk_id "40759dfb-3ae2-479e-9eb0-8efdb779714a"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newGlanceBench(t)
			if tc.before != nil {
				steptest.Apply(t, b)
				tc.before(t, b)
			}
			b.bed.Between = ignore(tc.path)
			c := steptest.Diff(t, b, &runner.Disk{})
			outputs, err := c.Apply(t.Context(), &steptest.Progress{})
			if err == nil || !strings.Contains(err.Error(), tc.want) || outputs != nil {
				t.Errorf("got outputs %v and error %v, want an error with %q", outputs, err, tc.want)
			}
			b.bed.Between = nil
			if _, err := steptest.Diff(t, b, &runner.Disk{}).Apply(t.Context(), &steptest.Progress{}); err != nil {
				t.Fatal(err)
			}
			b.checkWhole(t)
		})
	}
}
