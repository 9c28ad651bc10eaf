package registry

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"
)

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func execute(t *testing.T, c *Client, images []Image) {
	t.Helper()
	if err := c.Execute(t.Context(), plan(t, c, images), Options{Parallel: 8}); err != nil {
		t.Fatal(err)
	}
}

// An archive is added to where it is: of what was there one block changes, and
// whoever looks meanwhile sees the old archive, whole.
func TestTarAdds(t *testing.T) {
	src, _, c := pair(t)
	images, _ := src.set(t)
	path := filepath.Join(t.TempDir(), "media.tar")
	execute(t, c, toLayout(images[:40], path))
	before := read(t, path)
	old, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	looks := 0
	src.act(func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == "GET" && strings.Contains(r.URL.Path, "/blobs/") {
			if looks++; looks == 3 {
				if _, names := sound(t, path); len(names) != 40 {
					t.Errorf("in mid-run the archive names %d images", len(names))
				}
			}
			far := newClient(t)
			if names, err := far.LayoutImages(path); err != nil || len(names) != 40 {
				t.Errorf("in mid-run another client sees %d images, %v", len(names), err)
			}
		}
		return false
	})
	execute(t, c, toLayout(images, path))
	src.act(nil)
	after := read(t, path)
	changed := []int{}
	for at := 0; at < len(before); at += testTarBlock {
		if !bytes.Equal(before[at:at+testTarBlock], after[at:at+testTarBlock]) {
			changed = append(changed, at)
		}
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(old, now) || len(changed) != 1 || looks == 0 {
		t.Errorf("blocks %v of %d bytes changed, %d looks, %v", changed, len(before), looks, err)
	}
	if blobs, names := sound(t, path); blobs != setBlobs+setImages || len(names) != setImages {
		t.Errorf("%d blobs, %d names", blobs, len(names))
	}

	src.reset()
	execute(t, newClient(t, Host{Name: srcHost, Handler: src}), toLayout(images, path))
	if src.rest(); len(src.counts) != 1 || src.counts["HEAD manifests"] != setImages || !bytes.Equal(after, read(t, path)) {
		t.Errorf("the warm run asked for %v", src.counts)
	}
	if names, _ := filepath.Glob(path + "*"); len(names) != 1 {
		t.Errorf("there is %v", names)
	}
}

// An image whose archive could not get its index at the end was not copied.
func TestTarEndFails(t *testing.T) {
	src, _, c := pair(t)
	images, _ := src.set(t)
	path := filepath.Join(t.TempDir(), "media.tar")
	table := plan(t, c, toLayout(images[:3], path))
	err := c.Execute(t.Context(), table, Options{Done: func(*ImagePlan) {
		if err := os.WriteFile(path, []byte("of another run"), 0o600); err != nil {
			t.Error(err)
		}
	}})
	if err == nil || !strings.Contains(err.Error(), "another run has just written it") {
		t.Errorf("got %v", err)
	}
	for _, e := range table.Images {
		if e.State != Failed || e.Err == nil || !strings.Contains(e.Err.Error(), "destination: ") {
			t.Errorf("%s is %s: %v", e.Target, e.State, e.Err)
		}
	}
}

// An archive that does not exist yet gets its name when it is complete; what a
// failed run has brought waits for the next one.
func TestTarFirstRunFails(t *testing.T) {
	src, _, c := pair(t)
	whole, torn := random(1, 3000), random(2, 2000)
	src.image(t, "ns/a", "1", nil, whole, torn)
	path := filepath.Join(t.TempDir(), "media.tar")
	images := toLayout([]Image{{Source: srcHost + "/ns/a:1"}}, path)
	src.act(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != "GET" || r.URL.Path != "/v2/ns/a/blobs/"+digestOf(torn) {
			return false
		}
		w.Header().Set("Content-Length", "2000")
		_, _ = w.Write(slices.Repeat([]byte("x"), 2000))
		return true
	})
	table := plan(t, c, images)
	if err := c.Execute(t.Context(), table, Options{Parallel: 1}); err == nil {
		t.Fatal("no error")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the archive has its name: %v", err)
	}
	if _, err := c.LayoutImages(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	src.act(nil)
	c = newClient(t, Host{Name: srcHost, Handler: src})
	left := plan(t, c, images).Blobs // the configuration may have come, too
	lacks := func(data []byte) bool {
		return slices.ContainsFunc(left, func(b *Blob) bool { return b.Digest == digestOf(data) && !b.isPresent() })
	}
	if lacks(whole) || !lacks(torn) {
		t.Errorf("what came whole is to be pulled again: %t; what was torn: %t", lacks(whole), lacks(torn))
	}
	execute(t, c, images)
	if blobs, names := sound(t, path); blobs != 4 || len(names) != 1 {
		t.Errorf("%d blobs, names %v", blobs, names)
	}
	if bytes.Contains(read(t, path), []byte(".bayplan-unused")) {
		t.Error("the archive has an unused entry: the room of the blob that failed was not used again")
	}
}

// A part of an entry at the end of what a killed run has left is cut off.
func TestTarTornTail(t *testing.T) {
	src, _, c := pair(t)
	images, _ := three(t, src)
	path := filepath.Join(t.TempDir(), "media.tar")
	execute(t, c, toLayout(images[:1], path))
	whole := read(t, path)
	blob := random(77, 5000)
	header := mustHeader(t, entryOf(digest.FromBytes(blob)), 5000)
	for name, tail := range map[string][]byte{
		"half a header":      header[:100],
		"half a blob":        append(slices.Clone(header), blob[:100]...),
		"an index":           append(mustHeader(t, testIndexFile, 2), "{}"...),
		"an index with room": append(append(mustHeader(t, testIndexFile, 2), "{}"...), make([]byte, 510)...),
		"a link":             linkHeader(t),
		"nonsense":           bytes.Repeat([]byte("x"), 3000),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "media.tar")
			if err := os.WriteFile(path, append(slices.Clone(whole), tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			c := newClient(t, Host{Name: srcHost, Handler: src})
			execute(t, c, toLayout(images, path))
			if _, names := sound(t, path); len(names) != 3 {
				t.Errorf("names %v", names)
			}
			if got := plan(t, c, toLayout(images, path)).Summary(); got.Unchanged != 3 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func mustHeader(t *testing.T, name string, size int64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// entryOf is the name of a blob's file.
func entryOf(d digest.Digest) string { return "blobs/sha256/" + d.Encoded() }

func linkHeader(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "blobs/sha256/x", Linkname: "/etc/passwd"}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What others have packed, in any order, is taken over when something is added.
func TestTarOfOthers(t *testing.T) {
	src, _, c := pair(t)
	images, _ := three(t, src)
	dir := t.TempDir()
	media := filepath.Join(dir, "media")
	execute(t, c, toLayout(images[:1], media))
	path := media + ".tar"
	if out, err := exec.CommandContext(t.Context(), "tar", "-C", media, "-cf", path, "./index.json", "./oci-layout", "./blobs").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	execute(t, c, fromLayout(t, c, path))
	all := toLayout(images, path)
	if got := plan(t, c, all).Summary(); got.Unchanged != 1 {
		t.Errorf("%+v", got)
	}
	second := filepath.Join(dir, "second.tar")
	if err := os.Link(path, second); err != nil {
		t.Fatal(err)
	}
	before := read(t, path)
	src.reset()
	execute(t, c, all)
	if src.rest(); src.counts["GET blobs"] != 4 {
		t.Errorf("%v", src.counts)
	}
	if !bytes.Equal(before, read(t, second)) {
		t.Error("the other name's archive has changed")
	}
	if _, names := sound(t, path); len(names) != 3 {
		t.Errorf("names %v", names)
	}
	mirrored(t, c, all)
	if names, _ := filepath.Glob(path + "*"); len(names) != 1 {
		t.Errorf("there is %v", names)
	}
}

// Two runs do not write one archive at a time.
func TestTarBusy(t *testing.T) {
	src, _, c := pair(t)
	images, _ := three(t, src)
	path := filepath.Join(t.TempDir(), "media.tar")
	execute(t, c, toLayout(images[:1], path))
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	err = c.Execute(t.Context(), plan(t, c, toLayout(images, path)), Options{})
	if err == nil || !strings.Contains(err.Error(), path+": another run is writing it") {
		t.Errorf("got %v", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	execute(t, c, toLayout(images, path))
}

// Several executions of one process may fill one archive.
func TestTarManyExecutions(t *testing.T) {
	src, _, c := pair(t)
	images, _ := src.set(t)
	path := filepath.Join(t.TempDir(), "media.tar")
	var all sync.WaitGroup
	for i := range 3 {
		part := toLayout(images[i*15:(i+1)*15], path)
		all.Go(func() {
			table, err := c.Plan(t.Context(), part, Selection{})
			if err == nil {
				err = c.Execute(t.Context(), table, Options{})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if blobs, names := sound(t, path); blobs != setBlobs+setImages || len(names) != setImages {
		t.Errorf("%d blobs, %d names", blobs, len(names))
	}
}
