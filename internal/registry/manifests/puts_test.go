package manifests_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/regclient/regclient/types/ref"

	"github.com/bayplan/bayplan/internal/registry/manifests"
)

// Whatever the repository, a registry is given a manifest by one at a time.
func TestPublicationsOfOneManifestWaitForEachOther(t *testing.T) {
	var p manifests.Puts
	var active atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		repo := ref.Ref{Registry: "192.0.2.1:8787", Repository: fmt.Sprint("ns/app", i)}
		wg.Go(func() {
			_ = p.Put(repo, "sha256:1", "v1", func() error {
				if n := active.Add(1); n > 1 {
					t.Errorf("%d at a time", n)
				}
				runtime.Gosched()
				active.Add(-1)
				return nil
			})
		})
	}
	wg.Wait()
}

// What failed is tried again by the next image that needs it.
func TestFailedPublicationIsNotRemembered(t *testing.T) {
	var p manifests.Puts
	repo, tried := ref.Ref{Registry: "192.0.2.1:8787", Repository: "ns/app"}, 0
	do := func() error {
		if tried++; tried == 1 {
			return fmt.Errorf("broken")
		}
		return nil
	}
	for i, want := range []bool{true, false, false} {
		if err := p.Put(repo, "sha256:1", "", do); (err != nil) != want {
			t.Errorf("%d: %v", i, err)
		}
	}
	if tried != 2 {
		t.Errorf("tried %d times, want 2", tried)
	}
	if err := p.Put(repo, "sha256:1", "v1", do); err != nil || tried != 3 {
		t.Errorf("a tag on it: %v, tried %d times", err, tried)
	}
}
