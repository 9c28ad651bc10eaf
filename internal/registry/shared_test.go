package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/transport"
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

// Without room, or with a disk that refuses, blobs are read again, and that is told.
func TestSpoolThatCannotBeUsed(t *testing.T) {
	for name, tt := range map[string]struct {
		room  int64
		dir   func(t *testing.T) string
		again int // blobs, of two
		why   string
	}{
		"none":  {0, (*testing.T).TempDir, 2, "there is no spool"},
		"small": {50_000, (*testing.T).TempDir, 1, "the spool, of at most 48.8 KiB, has no room for them"},
		"a file in its place": {1 << 30, func(t *testing.T) string {
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return file
		}, 2, "the spool cannot be used: mkdir "},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSpread(t)
			s.src.image(t, "ns/one", "1", nil, random(7, 60_000))
			s.images = []Image{{Source: srcHost + "/ns/one:1", Target: dstHost + "/ns/one:1"}}
			s.dir = filepath.Join(tt.dir(t), "spool")
			s.nextRun(t, tt.room)
			table := s.planned(t, "a", s.both())
			// Both have both blobs at hand before either has put one.
			var begun sync.WaitGroup
			begun.Add(4)
			for _, l := range []*lab{s.a, s.b} {
				l.act(func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPost {
						begun.Done()
						begun.Wait()
					}
					return false
				})
			}
			if err := s.c.Execute(t.Context(), table, Options{}); err != nil {
				t.Fatal(err)
			}
			if got, want := table.ReadAgain(), human.Count(tt.again, "blob", "blobs"); !strings.HasPrefix(got, want+" (") || !strings.Contains(got, "read from the source again: "+tt.why) {
				t.Errorf("told: %q, want %s ... %s", got, want, tt.why)
			}
			s.src.rest()
			if n := s.src.counts["GET blobs"]; n != 2+tt.again {
				t.Errorf("%d blobs were read, want %d", n, 2+tt.again)
			}
			mirrored(t, s.c, s.both())
		})
	}
}

// A spool that is taken away or damaged costs a second read and nothing else.
func TestSpoolThatIsLost(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, dir string){
		"taken away": func(t *testing.T, dir string) {
			if err := os.Rename(dir, dir+"-away"); err != nil {
				t.Error(err)
			}
		},
		"cut": func(t *testing.T, dir string) {
			files, err := filepath.Glob(filepath.Join(dir, "*"))
			for _, file := range files {
				err = errors.Join(err, os.Truncate(file, 10))
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) || len(files) == 0 {
				t.Error(len(files), err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSpread(t)
			var once sync.Once
			s.b.act(func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPut {
					once.Do(func() { lose(t, s.dir) })
				}
				return false
			})
			if err := s.c.Execute(t.Context(), s.planned(t, "a", s.both()), Options{}); err != nil {
				t.Fatal(err)
			}
			mirrored(t, s.c, s.both())
		})
	}
}

// The source's connection is cut once for each blob; where it does not go on from there,
// the blob is fetched once more for all.
func TestSourceThatBreaks(t *testing.T) {
	for name, tt := range map[string]struct {
		resumes bool
		reads   int
	}{"and goes on": {true, 2}, "and begins again": {false, 3}} {
		t.Run(name, func(t *testing.T) {
			s := newSpread(t)
			body := random(7, 300_000)
			s.src.image(t, "ns/big", "1", nil, body)
			var reads atomic.Int64
			s.src.act(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, digestOf(body)) || r.Method != http.MethodGet {
					return false
				}
				switch n := reads.Add(1); {
				case n == 1:
					w.Header().Set("Content-Length", fmt.Sprint(len(body)))
					_, _ = w.Write(body[:100_000])
					panic(http.ErrAbortHandler)
				case r.Header.Get("Range") != "" && !tt.resumes:
					w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
					return true
				}
				return false
			})
			s.images = []Image{{Source: srcHost + "/ns/big:1", Target: dstHost + "/ns/big:1"}}
			if err := s.c.Execute(t.Context(), s.planned(t, "a", s.both()), Options{}); err != nil {
				t.Fatal(err)
			}
			if n := reads.Load(); n != int64(tt.reads) {
				t.Errorf("%d reads, want %d", n, tt.reads)
			}
			s.noFiles(t)
			mirrored(t, s.c, s.both())
		})
	}
}

// A blob that is not what its digest says comes to no destination.
func TestWrongDigestAtTheSource(t *testing.T) {
	s := newSpread(t)
	body := random(7, 300_000)
	s.src.image(t, "ns/big", "1", nil, body)
	s.src.act(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, digestOf(body)) {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(random(8, len(body)))
		return true
	})
	s.images = []Image{{Source: srcHost + "/ns/big:1", Target: dstHost + "/ns/big:1"}}
	table := s.planned(t, "a", s.both())
	err := s.c.Execute(t.Context(), table, Options{})
	if err == nil || !strings.Contains(err.Error(), "what it sent has another digest") {
		t.Errorf("got %v", err)
	}
	for _, e := range table.Images {
		var side *SideError
		if e.State != Failed || !errors.As(e.Err, &side) || side.Side != source {
			t.Errorf("%s: %s, %v", e.Target, e.State, e.Err)
		}
	}
	for _, l := range []*lab{s.a, s.b} {
		there, _ := s.c.hasBlob(t.Context(), repoOf(table.Images[0].target), part{digestOf(body), int64(len(body))}, confirm)
		if l.rest(); there || l.counts["PUT manifests"] != 0 {
			t.Errorf("it came to a destination: %v", l.counts)
		}
	}
	s.noFiles(t)
}

// A destination that dies fails its own images, and the next run brings those.
func TestDestinationThatDies(t *testing.T) {
	s := newSpread(t)
	var uploads atomic.Int64
	s.b.act(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && uploads.Add(1) > 20 {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	table := s.planned(t, "a", s.both())
	if err := s.c.Execute(t.Context(), table, Options{}); err == nil || strings.Contains(err.Error(), dstHost) {
		t.Errorf("got %v", err)
	}
	for _, e := range table.Images {
		if e.State != Copied && strings.HasPrefix(e.Target, dstHost) {
			t.Errorf("%s: %s, %v", e.Target, e.State, e.Err)
		}
	}
	s.noFiles(t)
	mirrored(t, s.c, s.images)
	s.b.act(nil)
	s.nextRun(t, 1<<30)
	if err := s.c.Execute(t.Context(), s.planned(t, "a", s.both()), Options{}); err != nil {
		t.Fatal(err)
	}
	mirrored(t, s.c, s.both())
}

func TestCancelledSpreadLeavesNothing(t *testing.T) {
	s := newSpread(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var uploads atomic.Int64
	for _, l := range []*lab{s.a, s.b} {
		l.act(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPut && uploads.Add(1) > 20 {
				cancel()
				<-r.Context().Done()
			}
			return false
		})
	}
	table := s.planned(t, "a", s.both())
	if err := s.c.Execute(ctx, table, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	s.noFiles(t)
	stacks := make([]byte, 1<<20)
	if stacks = stacks[:runtime.Stack(stacks, true)]; strings.Contains(string(stacks), "spool.(*Pool).fill") {
		t.Errorf("a fetch goes on:\n%s", stacks)
	}
}

// What a killed run has left is gone when the next one begins.
func TestLeftoversOfTheSpool(t *testing.T) {
	s := newSpread(t)
	if err := errors.Join(os.MkdirAll(s.dir, 0o700), os.WriteFile(filepath.Join(s.dir, "7"), []byte("half"), 0o600)); err != nil {
		t.Fatal(err)
	}
	s.nextRun(t, 1<<30)
	s.noFiles(t)
	if err := s.c.Execute(t.Context(), s.planned(t, "a", s.both()), Options{}); err != nil {
		t.Fatal(err)
	}
	s.readOnce(t)
	if err := s.c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.dir); err == nil {
		t.Error("the directory of the spool is left")
	}
}

// A blob that another step streams without a file is waited for, and other blobs go
// first meanwhile.
func TestBlobThatStreamsElsewhere(t *testing.T) {
	s := newSpread(t)
	x, y := random(7, 300_000), random(8, 200_000)
	s.src.image(t, "ns/both", "1", nil, x)
	s.src.image(t, "ns/more", "1", nil, x, y)
	streaming, landed := make(chan struct{}), make(chan struct{})
	s.src.act(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, digestOf(x)) {
			close(streaming) // twice would panic
			<-landed
		}
		return false
	})
	s.b.act(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.RawQuery, digestOf(y)[7:]) {
			close(landed)
		}
		return false
	})
	s.images = []Image{{Source: srcHost + "/ns/both:1", Target: dstHost + "/ns/both:1"}}
	more := []Image{{Source: srcHost + "/ns/more:1", Target: otherHost + "/ns/more:1"}}
	var wg sync.WaitGroup
	defer wg.Wait()
	first := s.planned(t, "a", s.images)
	wg.Go(func() {
		if err := s.c.Execute(t.Context(), first, Options{}); err != nil {
			t.Error(err)
		}
	})
	<-streaming
	second := s.planned(t, "b", more)
	if err := s.c.Execute(t.Context(), second, Options{Parallel: 1}); err != nil {
		t.Fatal(err)
	}
	if got := second.ReadAgain(); got != "" {
		t.Errorf("told: %s", got)
	}
	s.noFiles(t)
	wg.Wait()
	mirrored(t, s.c, append(more, s.images...))
}

// One of two steps names a source that lacks a blob. The other has its own.
func TestSourceOfAnotherStepLacksTheBlob(t *testing.T) {
	s := newSpread(t)
	body := random(7, 300_000)
	s.src.image(t, "ns/bad", "1", nil, body)
	s.src.image(t, "ns/good", "1", nil, body)
	asked, lacks := make(chan struct{}), make(chan struct{})
	s.src.act(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/ns/bad/blobs/"+digestOf(body)) {
			return false
		}
		close(asked) // twice would panic
		<-lacks
		w.WriteHeader(http.StatusNotFound)
		return true
	})
	first := s.planned(t, "a", []Image{{Source: srcHost + "/ns/bad:1", Target: dstHost + "/ns/bad:1"}})
	good := []Image{{Source: srcHost + "/ns/good:1", Target: otherHost + "/ns/good:1"}}
	second := s.planned(t, "b", good)
	var wg sync.WaitGroup
	var once sync.Once
	s.b.act(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut { // of the configuration
			once.Do(func() { close(lacks) })
		}
		return false
	})
	wg.Go(func() {
		if err := s.c.Execute(t.Context(), first, Options{}); KindOf(first.Images[0].Err) != NotFound {
			t.Errorf("got %v", err)
		}
	})
	<-asked
	if err := s.c.Execute(t.Context(), second, Options{}); err != nil {
		t.Error(err)
	}
	wg.Wait()
	s.noFiles(t)
	mirrored(t, s.c, good)
}

// A registry takes what an earlier step has put into a layout.
func TestRegistryAfterLayout(t *testing.T) {
	forms(t, func(t *testing.T, in func(string) string) {
		s := newSpread(t)
		if err := s.c.Execute(t.Context(), s.planned(t, "a", toLayout(s.images, in(t.TempDir()))), Options{}); err != nil {
			t.Fatal(err)
		}
		if err := s.c.Execute(t.Context(), s.planned(t, "b", s.images), Options{}); err != nil {
			t.Fatal(err)
		}
		s.readOnce(t)
		mirrored(t, s.c, s.images)
	})
}

// A push that breaks reads again from the file what did not arrive, and not from the
// source.
func TestSpooledBlobOverALineThatResets(t *testing.T) {
	src, dst := newQuirky(t), newQuirky(t)
	image, _ := bigImage(t, src.Handler, 16*mebibyte)
	from, to := newBadLine(t, src, 0, 0), newBadLine(t, dst, 3*mebibyte, 0)
	other := newLab(t)
	c := newClient(
		t, Host{Name: srcHost, Address: from.address, TLS: transport.Disabled},
		Host{Name: dstHost, Address: to.address, TLS: transport.Disabled}, Host{Name: otherHost, Handler: other},
	)
	c.BoundSpool(1 << 30)
	c.KeepSpool(filepath.Join(t.TempDir(), "spool"))
	images := append([]Image{image}, at([]Image{image}, otherHost)...)
	table := plan(t, c, images)
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	if n := src.counts["GET blobs"]; n != 2 || to.resets.Load() == 0 || from.received.Load() > 17*mebibyte {
		t.Errorf("%d blobs were read, %d bytes, with %d resets of the push", n, from.received.Load(), to.resets.Load())
	}
	mirrored(t, c, images)
}

// Manifests, signatures and tags are asked for once, too, and both destinations get the
// same image of some platforms.
func TestSourceIsAskedOnce(t *testing.T) {
	for name, want := range map[string]Selection{
		"all":                     {},
		"some platforms":          {Platforms: []string{"linux/amd64", "linux/arm/v7"}},
		"one platform":            {Platforms: []string{"linux/ppc64le"}},
		"with signatures":         {Signatures: CopySignatures},
		"some, with signatures":   {Signatures: CopySignatures, Platforms: []string{"linux/amd64", "linux/arm/v7"}},
		"signatures are required": {Signatures: RequireSignatures},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []map[string]int
			for _, hosts := range [][]string{{dstHost}, {dstHost, otherHost}} {
				s := newSpread(t)
				index, _ := multi(t, s.src, "ns/app", "multi")
				s.src.image(t, "ns/app", cosign(index, ".sig"), nil, random(90, 100))
				s.src.referrer(t, "ns/app", index, "application/spdx+json", random(91, 100))
				s.src.reset()
				var images []Image
				for _, host := range hosts {
					images = append(images, Image{Source: srcHost + "/ns/app:multi", Target: host + "/ns/app:multi"})
				}
				table, err := s.c.Plan(t.Context(), images, want)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.c.Execute(t.Context(), table, Options{}); err != nil {
					t.Fatal(err)
				}
				s.src.rest()
				asked = append(asked, maps.Clone(s.src.counts))
				for _, e := range table.Images {
					if e.Digest != table.Images[0].Digest || e.Original != table.Images[0].Original || e.Attached() != table.Images[0].Attached() {
						t.Errorf("%s is %s", e.Target, e.Digest)
					}
				}
				s.src.reset()
				checked, err := s.c.Check(t.Context(), images, want, true)
				if err != nil {
					t.Fatal(err)
				}
				s.src.rest()
				if want.Signatures != RequireSignatures {
					asked = append(asked, maps.Clone(s.src.counts))
				}
				for _, k := range checked {
					if !k.OK() {
						t.Errorf("%s: %+v", k.Target, k)
					}
				}
			}
			half := len(asked) / 2
			if diff := cmp.Diff(asked[:half], asked[half:]); diff != "" {
				t.Errorf("requests (-one +two destinations):\n%s", diff)
			}
		})
	}
}
