package registryserver

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opencontainers/go-digest"
)

// A fullDisk is an upload onto a disk without room. It counts how often it was given up.
type fullDisk struct{ aborted int }

func (f *fullDisk) Write(p []byte) (int, error)       { return len(p) / 2, syscall.ENOSPC }
func (f *fullDisk) ReadAt([]byte, int64) (int, error) { return 0, syscall.EIO }
func (f *fullDisk) Commit(digest.Digest) error        { return syscall.EIO }
func (f *fullDisk) Abort()                            { f.aborted++ }

// An upload for which there is no room gives its bytes back, whichever request it fails
// in.
func TestUploadWithoutRoom(t *testing.T) {
	sum := digest.FromString("12345678").String()
	for _, method := range []string{http.MethodPatch, http.MethodPut} {
		t.Run(method, func(t *testing.T) {
			r, err := New(Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			ask := func(method, path, text string) *http.Response {
				w := httptest.NewRecorder()
				r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(text)))
				return w.Result() //nolint:bodyclose // of a recorder
			}
			at := ask(http.MethodPost, "/v2/a/blobs/uploads/", "").Header.Get("Location")
			disk := &fullDisk{}
			for _, u := range r.uploads.open {
				u.to = disk
			}
			path := at
			if method == http.MethodPut {
				path += "?digest=" + sum
			}
			if got := ask(method, path, "12345678").StatusCode; got < 500 {
				t.Errorf("got %d", got)
			}
			if disk.aborted == 0 || len(r.uploads.open) != 0 {
				t.Errorf("given up %d times, %d are open", disk.aborted, len(r.uploads.open))
			}
			if got := ask(http.MethodGet, at, "").StatusCode; got != http.StatusNotFound {
				t.Errorf("afterwards: %d", got)
			}
		})
	}
}

// An upload whose client is gone ends by itself, one that is being written does not.
func TestIdleUploads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all uploads
		gone, busy, slow := newUpload(nil), newUpload(nil), newUpload(nil)
		disk := &fullDisk{}
		gone.to = disk
		all.add(gone)
		all.add(busy)
		all.add(slow)
		if !busy.tryLock() {
			t.Fatal("it is locked")
		}
		for range 20 {
			time.Sleep(maxIdle / 2)
			all.touch(slow)
		}
		synctest.Wait()
		if disk.aborted != 1 || !gone.ended || busy.ended || slow.ended || len(all.open) != 2 {
			t.Errorf("given up %d times; ended: %v %v %v; open: %d", disk.aborted, gone.ended, busy.ended, slow.ended, len(all.open))
		}
		busy.unlock()
		time.Sleep(2 * maxIdle)
		synctest.Wait()
		if len(all.open) != 0 || all.timer != nil {
			t.Errorf("%d are open, timer %v", len(all.open), all.timer)
		}
		all.add(newUpload(nil))
		all.close()
	})
}
