package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const otherHost = "192.0.2.2:8787"

// A spread is a source, two destinations and a client with a spool.
type spread struct {
	src, a, b *lab
	c         *Client
	dir       string // of the spool
	images    []Image
	unique    int64 // bytes
}

func newSpread(t *testing.T) *spread {
	t.Helper()
	s := &spread{src: newLab(t), a: newLab(t), b: newLab(t), dir: filepath.Join(t.TempDir(), "spool")}
	s.images, s.unique = s.src.set(t)
	s.nextRun(t, 1<<30)
	return s
}

// nextRun makes a client that knows nothing of what another has moved.
func (s *spread) nextRun(t *testing.T, room int64) {
	t.Helper()
	s.c = newClient(t, Host{Name: srcHost, Handler: s.src}, Host{Name: dstHost, Handler: s.a}, Host{Name: otherHost, Handler: s.b})
	s.c.BoundSpool(room)
	s.c.KeepSpool(s.dir)
	s.src.reset()
}

// at gives the images with their targets at another registry.
func at(images []Image, host string) []Image {
	all := make([]Image, len(images))
	for i, im := range images {
		all[i] = Image{Source: im.Source, Target: host + strings.TrimPrefix(im.Target, dstHost)}
	}
	return all
}

func (s *spread) both() []Image { return append(at(s.images, dstHost), at(s.images, otherHost)...) }

// planned plans for one of several steps.
func (s *spread) planned(t *testing.T, step string, images []Image) *TransferPlan {
	t.Helper()
	table, err := s.c.Plan(t.Context(), images, Selection{Owner: step})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// readOnce says that each blob was read once from the source, and that no file is left.
func (s *spread) readOnce(t *testing.T) {
	t.Helper()
	s.src.rest()
	if n := s.src.counts["GET blobs"]; n != setBlobs {
		t.Errorf("%d blobs were read from the source, want %d", n, setBlobs)
	}
	s.noFiles(t)
}

func (s *spread) noFiles(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(left) > 0 {
		t.Errorf("the spool has %v, %v", left, err)
	}
}

func TestTwoDestinationsReadOnce(t *testing.T) {
	s := newSpread(t)
	table := s.planned(t, "a", s.both())
	want := Summary{
		Images: 2 * setImages, Copies: 2 * setImages, Blobs: setBlobs, Bytes: s.unique,
		Shared: setBlobs, SharedBytes: s.unique, Mounts: 2 * (setRefs - setBlobs),
	}
	if diff := cmp.Diff(want, table.Summary()); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
	var sum int64
	for e, n := range table.Pulls() {
		if sum += n; n > 0 && !strings.HasPrefix(e.Target, dstHost) {
			t.Errorf("%s counts %d bytes", e.Target, n)
		}
	}
	var moved atomic.Int64
	done := 0
	err := s.c.Execute(t.Context(), table, Options{Moved: func(n int64) { moved.Add(n) }, Done: func(*ImagePlan) { done++ }})
	if err != nil {
		t.Fatal(err)
	}
	if sum != s.unique || moved.Load() != s.unique || done != 2*setImages || table.ReadAgain() != "" {
		t.Errorf("%d bytes were planned and %d moved, want %d; %d images; %q", sum, moved.Load(), s.unique, done, table.ReadAgain())
	}
	requests(t, "cold", s.src, coldSource)
	requests(t, "cold", s.a, coldDestination)
	requests(t, "cold", s.b, coldDestination)
	s.readOnce(t)
	mirrored(t, s.c, s.both())
}

func TestStepsBesideEachOtherReadOnce(t *testing.T) {
	s := newSpread(t)
	first, second := s.planned(t, "a", s.images), s.planned(t, "b", at(s.images, otherHost))
	if got := second.Summary(); got.Blobs != 0 || got.Shared != setBlobs {
		t.Errorf("the second step's table: %+v", got)
	}
	var wg sync.WaitGroup
	for _, table := range []*TransferPlan{first, second} {
		wg.Go(func() {
			if err := s.c.Execute(t.Context(), table, Options{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s.readOnce(t)
	mirrored(t, s.c, s.both())
}

// A step that still plans while another copies finds all that it wants.
func TestStepThatPlansLaterReadsOnce(t *testing.T) {
	s := newSpread(t)
	first := s.planned(t, "a", s.images)
	begun, finished := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.b.act(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodHead {
			once.Do(func() { close(begun) })
			<-finished
		}
		return false
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		second := s.planned(t, "b", at(s.images, otherHost))
		if err := s.c.Execute(t.Context(), second, Options{}); err != nil {
			t.Error(err)
		}
	})
	<-begun
	err := s.c.Execute(t.Context(), first, Options{})
	close(finished)
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	s.readOnce(t)
	mirrored(t, s.c, s.both())
}

// The later step reads where the earlier one has put things, without a file.
func TestStepsOneAfterTheOtherReadOnce(t *testing.T) {
	for name, host := range map[string]string{"another registry": otherHost, "the same registry": dstHost} {
		t.Run(name, func(t *testing.T) {
			s := newSpread(t)
			if err := s.c.Execute(t.Context(), s.planned(t, "a", s.images), Options{}); err != nil {
				t.Fatal(err)
			}
			later := at(s.images, host)
			for i := range later {
				later[i].Target = strings.Replace(later[i].Target, "/rhosp13/", "/later/", 1)
			}
			s.a.reset()
			table := s.planned(t, "b", later)
			if got := table.Summary(); got.Blobs != 0 || got.Shared != setBlobs {
				t.Errorf("the later step's table: %+v", got)
			}
			if err := s.c.Execute(t.Context(), table, Options{}); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(s.dir); err == nil {
				t.Error("there was a spool")
			}
			if s.a.rest(); host == dstHost && s.a.counts["PUT blobs/uploads"] != 0 {
				t.Errorf("blobs were not mounted: %v", s.a.counts)
			}
			s.readOnce(t)
			mirrored(t, s.c, later)
		})
	}
}

// What a destination does not give back is read from the source.
func TestDestinationThatIsWrittenOnly(t *testing.T) {
	s := newSpread(t)
	if err := s.c.Execute(t.Context(), s.planned(t, "a", s.images), Options{}); err != nil {
		t.Fatal(err)
	}
	s.a.act(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && what(r.URL.Path) == "blobs" {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	})
	s.a.reset()
	table := s.planned(t, "b", at(s.images, otherHost))
	if err := s.c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%d blobs (", setBlobs)
	if got := table.ReadAgain(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, ") were read from the source again: "+dstHost+" did not give them back") {
		t.Errorf("told: %s", got)
	}
	if s.a.rest(); s.a.counts["GET blobs"] > 2*DefaultParallel+MaxConcurrency {
		t.Errorf("it was asked for %d blobs", s.a.counts["GET blobs"])
	}
	s.a.act(nil)
	mirrored(t, s.c, s.both())
}

func TestLayoutAndRegistryReadOnce(t *testing.T) {
	for _, name := range []string{"media", "media.tar"} {
		t.Run(name, func(t *testing.T) {
			s := newSpread(t)
			media := filepath.Join(t.TempDir(), name)
			images := append(at(s.images, dstHost), toLayout(s.images, media)...)
			images = append(images, toLayout(s.images, filepath.Join(t.TempDir(), name))...)
			table := s.planned(t, "a", images)
			if got := table.Summary(); got.Blobs != setBlobs || got.Shared != 2*setBlobs {
				t.Errorf("the table: %+v", got)
			}
			if err := s.c.Execute(t.Context(), table, Options{}); err != nil {
				t.Fatal(err)
			}
			s.readOnce(t)
			mirrored(t, s.c, images)
			sound(t, media)
		})
	}
}

// A destination that takes nothing does not hold up the other.
func TestSlowDestinationHoldsUpNoOther(t *testing.T) {
	s := newSpread(t)
	finished := make(chan struct{})
	s.b.act(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			<-finished
		}
		return false
	})
	left := setImages
	err := s.c.Execute(t.Context(), s.planned(t, "a", s.both()), Options{Parallel: 2, Done: func(e *ImagePlan) {
		if left--; left >= 0 && !strings.HasPrefix(e.Target, dstHost) {
			t.Errorf("%s is complete while %d images of the fast destination are not", e.Target, left+1)
		}
		if left == 0 {
			close(finished)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.readOnce(t)
	mirrored(t, s.c, s.both())
}
