package registry

import (
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/transport"
)

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
