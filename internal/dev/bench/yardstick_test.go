package main

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/dev/bench/counter"
	"github.com/bayplan/bayplan/internal/registryserver"
)

// A bed has both registries in process, each behind a counting proxy. The source
// holds a small version of the set.
type bed struct {
	set          *contents
	source, dest *counter.Counter
	from, to     string // hosts of the proxies
}

func newBed(t *testing.T) *bed {
	t.Helper()
	file := filepath.Join(t.TempDir(), "set.json")
	b := &bed{}
	b.source, b.from = countedRegistry(t)
	b.dest, b.to = countedRegistry(t)
	if err := seed(t.Context(), b.from, 1<<10, file); err != nil {
		t.Fatal(err)
	}
	b.source.Take()
	var err error
	if b.set, err = loadContents(file); err != nil {
		t.Fatal(err)
	}
	return b
}

func countedRegistry(t *testing.T) (*counter.Counter, string) {
	t.Helper()
	r, err := registryserver.New(registryserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	c := counter.New(strings.TrimPrefix(server.URL, "http://"))
	front := httptest.NewServer(c)
	t.Cleanup(front.Close)
	return c, strings.TrimPrefix(front.URL, "http://")
}

func TestSet(t *testing.T) {
	b := newBed(t)
	if b.set.Blobs != 132 || b.set.References != 289 || len(b.set.Images) != 45 {
		t.Errorf("%d blobs, %d references, %d images; want 132, 289, 45", b.set.Blobs, b.set.References, len(b.set.Images))
	}
}

func TestYardstick(t *testing.T) {
	b := newBed(t)
	run := func(wantSource, wantDest int, blobs int64) {
		t.Helper()
		if err := copyAll(t.Context(), b.from, b.to, b.set.Images); err != nil {
			t.Fatal(err)
		}
		source, dest := b.source.Take(), b.dest.Take()
		if source.Requests != wantSource || dest.Requests != wantDest {
			t.Errorf("%d and %d requests, want %d and %d", source.Requests, dest.Requests, wantSource, wantDest)
		}
		if source.BlobsOut != blobs || dest.BlobsIn != blobs {
			t.Errorf("%d and %d bytes, want %d", source.BlobsOut, dest.BlobsIn, blobs)
		}
		if err := checkImages(t.Context(), b.to, b.set.Images); err != nil {
			t.Error(err)
		}
		b.dest.Take()
	}
	run(177, 511, b.set.Unique)
	run(0, 45, 0)
}

func TestYardstickReportsFailures(t *testing.T) {
	b := newBed(t)
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusInsufficientStorage
		if r.Method == http.MethodHead {
			status = http.StatusNotFound
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(broken.Close)
	err := copyAll(t.Context(), b.from, strings.TrimPrefix(broken.URL, "http://"), b.set.Images)
	if err == nil || !strings.Contains(err.Error(), "507") {
		t.Errorf("got %v, want the destination's status", err)
	}
}

func TestCheckImages(t *testing.T) {
	b := newBed(t)
	want := b.set.Images[7].Repository
	images := append(b.set.Images[:0:0], b.set.Images...)
	images[7].Digest = digestOf(nil)
	if err := copyAll(t.Context(), b.from, b.to, b.set.Images); err != nil {
		t.Fatal(err)
	}
	if err := checkImages(t.Context(), b.to, images); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want an error that names %s", err, want)
	}
}

func TestLoadContents(t *testing.T) {
	good := contents{Version: setVersion, Images: []entry{{"a", "b", "c"}}, Unique: 5}
	file := filepath.Join(t.TempDir(), "set.json")
	if _, err := loadContents(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	if err := good.save(file); err != nil {
		t.Fatal(err)
	}
	got, err := loadContents(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&good, got); diff != "" {
		t.Error(diff)
	}
	for name, text := range map[string]string{
		"cut":          `{"Version":`,
		"old":          `{"Version":"0","Images":[{}]}`,
		"no image":     `{"Version":"` + setVersion + `"}`,
		"another file": `[]`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadContents(file); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
