package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bayplan/bayplan/internal/human"
)

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
	if stacks = stacks[:runtime.Stack(stacks, true)]; strings.Contains(string(stacks), "spool.(*file).fill") {
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
