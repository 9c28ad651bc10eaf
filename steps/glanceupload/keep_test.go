package glanceupload

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
)

// With update_existing: replace old images go, once the new one is there.
func TestGlanceUploadKeeps(t *testing.T) {
	for _, tc := range []struct {
		keep int
		want []string // contents that are left, oldest first
	}{{0, []string{"4"}}, {1, []string{"3", "4"}}, {3, []string{"1", "2", "3", "4"}}, {9, []string{"1", "2", "3", "4"}}} {
		t.Run(fmt.Sprint(tc.keep), func(t *testing.T) {
			b := listBench(t)
			clock := newClock(t, b)
			b.Images = b.Images[3:]
			file := b.dir + "/images/data.raw"
			for _, content := range []string{"1", "2", "3"} {
				steptest.PutFile(t, file, content)
				steptest.Apply(t, b)
				clock()
			}
			client, err := b.bed.Cloud(t.Context(), "undercloud")
			if err != nil {
				t.Fatal(err)
			}
			// Somebody else's image that only looks like an old one.
			if _, err := client.Create(t.Context(), glance.Image{Name: "data_20010101T000000Z", Properties: map[string]string{}}); err != nil {
				t.Fatal(err)
			}
			steptest.PutFile(t, file, "4")
			b.UpdateExisting, b.Keep = "replace", tc.keep
			steptest.Apply(t, b)
			if c := steptest.Diff(t, b, &runner.Disk{}); c != nil {
				t.Errorf("there is still to do: %v", steptest.ItemLines(b.dir, c))
			}
			all, err := client.ListAll(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			foreign := false
			for _, img := range all {
				foreign = foreign || img.Name == "data_20010101T000000Z"
				for _, content := range []string{"1", "2", "3", "4"} {
					if img.Hash == steptest.SHA512(content) {
						got = append(got, content)
					}
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || !foreign {
				t.Errorf("images left (-want +got, foreign %v):\n%s", foreign, diff)
			}
		})
	}
}

func TestGlanceUploadTellsWhatItDeletes(t *testing.T) {
	b := listBench(t)
	clock := newClock(t, b)
	b.Images = b.Images[3:]
	for _, content := range []string{"1", "2"} {
		steptest.PutFile(t, b.dir+"/images/data.raw", content)
		steptest.Apply(t, b)
		clock()
	}
	b.UpdateExisting = "replace"
	lines := func() (got []string) {
		for _, line := range steptest.ItemLines(b.dir, steptest.Diff(t, b, &runner.Disk{})) {
			got = append(got, b.bed.Normalize(line))
		}
		return got
	}
	if diff := cmp.Diff([]string{"remove image data_STAMP had the name data before, ID"}, lines()); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if _, err := b.Verify(t.Context(), &runner.Disk{}); err == nil || !strings.Contains(err.Error(), "an older one is still there: data_20") {
		t.Errorf("got error %v", err)
	}
	steptest.PutFile(t, b.dir+"/images/data.raw", "3")
	if diff := cmp.Diff([]string{
		"replace image data raw, community; its content differs; ID is deleted after that",
		"remove image data_STAMP had the name data before, ID",
	}, lines()); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

// newClock makes the times at which images are made differ: the clouds count in
// seconds, and no test waits for one.
func newClock(t *testing.T, b *glanceBench) (tick func()) {
	t.Helper()
	day := 1
	var mu sync.Mutex
	made := map[string]int{}
	b.bed.Between = func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			mu.Lock()
			defer mu.Unlock()
			stamp := func(img map[string]any) {
				id, _ := img["id"].(string)
				if made[id] == 0 {
					made[id] = day
				}
				img["created_at"] = fmt.Sprintf("2018-07-%02dT18:43:18Z", made[id])
			}
			body := rec.Body.Bytes()
			var doc map[string]any
			if json.Unmarshal(body, &doc) == nil {
				if _, ok := doc["disk_format"]; ok {
					stamp(doc)
				}
				if list, ok := doc["images"].([]any); ok {
					for _, img := range list {
						stamp(img.(map[string]any))
					}
				}
				body, _ = json.Marshal(doc)
			}
			for key, values := range rec.Header() {
				if key != "Content-Length" {
					w.Header()[key] = values
				}
			}
			w.WriteHeader(rec.Code)
			_, _ = w.Write(body)
		})
	}
	return func() { day++ }
}
