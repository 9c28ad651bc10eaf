package registry

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/bayplan/bayplan/internal/ocilayout"
)

// packed makes an archive of entries; those without a type are files.
func packed(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		text := h.Uname // stands for the content here
		h.Uname, h.Mode = "", 0o644
		if h.Typeflag == 0 {
			h.Typeflag, h.Size = tar.TypeReg, int64(len(text))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// An archive that is not what a layout is packed to is neither read nor added to.
func TestTarRefused(t *testing.T) {
	src, _, c := pair(t)
	images, _ := three(t, src)
	layout, index := tar.Header{Name: testLayoutFile, Uname: testLayoutVersion}, tar.Header{Name: testIndexFile, Uname: `{"schemaVersion":2,"manifests":[]}`}
	with := func(h tar.Header) []byte { return packed(t, layout, h, index) }
	good := packed(t, layout, index)
	for name, tt := range map[string]struct {
		bytes []byte
		want  string
	}{
		"empty":               {nil, "the end of a tar archive is missing after byte 0"},
		"no archive":          {bytes.Repeat([]byte("x"), 2000), "invalid tar header"},
		"zeros":               {make([]byte, 2000), "it holds no file oci-layout"},
		"no index":            {packed(t, layout), "it holds no file index.json"},
		"another version":     {packed(t, tar.Header{Name: testLayoutFile, Uname: `{"imageLayoutVersion":"2.0"}`}, index), "is not an OCI layout of version 1.0.0"},
		"a huge version":      {packed(t, tar.Header{Name: testLayoutFile, Uname: strings.Repeat("x", 1001)}, index), "oci-layout: 1001 bytes are too much"},
		"a broken index":      {packed(t, layout, tar.Header{Name: testIndexFile, Uname: "{"}), "unexpected end of JSON input"},
		"a huge index":        {packed(t, layout, tar.Header{Name: testIndexFile, Uname: strings.Repeat(" ", 16<<20+1)}), "index.json: 16777217 bytes are too much"},
		"a bad digest":        {packed(t, layout, tar.Header{Name: testIndexFile, Uname: `{"manifests":[{"digest":"sha256:../../x","size":1}]}`}), `the digest "sha256:../../x"`},
		"a way out":           {with(tar.Header{Name: "blobs/sha256/../../../x"}), `"blobs/sha256/../../../x" would lie outside of it`},
		"an absolute name":    {with(tar.Header{Name: "/etc/passwd"}), `"/etc/passwd" would lie outside of it`},
		"a link":              {with(tar.Header{Name: "blobs", Typeflag: tar.TypeSymlink, Linkname: "/etc"}), `"blobs" is a link, which a layout has not`},
		"a hard link":         {with(tar.Header{Name: "a", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}), `"a" is a link, which a layout has not`},
		"a device":            {with(tar.Header{Name: "a", Typeflag: tar.TypeBlock}), `"a" is an entry of type '4', which a layout has not`},
		"cut at its end":      {good[:len(good)-testTarBlock], "the end of a tar archive is missing"},
		"cut in its end":      {good[:len(good)-1], "unexpected EOF"},
		"cut in its index":    {good[:len(good)-1500], "it is cut off in \"index.json\""},
		"cut in a header":     {good[:700], "it is cut off in \"oci-layout\""},
		"another file's size": {append(mustHeader(t, entryOf(digest.FromString("")), 1<<62), good...), "it is cut off in"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "media.tar")
			if err := os.WriteFile(path, tt.bytes, 0o600); err != nil {
				t.Fatal(err)
			}
			err := plan(t, c, toLayout(images[:1], path)).Err()
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "destination: ") || !strings.Contains(err.Error(), path) {
				t.Errorf("as a destination: got %v, want %q", err, tt.want)
			}
			if _, err = c.LayoutImages(path); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("as a source: got %v, want %q", err, tt.want)
			}
			if !bytes.Equal(read(t, path), tt.bytes) {
				t.Error("it was changed")
			}
		})
	}
	for name, tt := range map[string]struct {
		make func(path string) error
		want string
	}{
		"a directory":           {func(path string) error { return os.Mkdir(path, 0o700) }, "is a directory: a layout with such a name is a tar archive"},
		"a pipe":                {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "is not a regular file"},
		"a part that is a pipe": {func(path string) error { return syscall.Mkfifo(path+".part", 0o600) }, "is not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "media.tar")
			if err := tt.make(path); err != nil {
				t.Fatal(err)
			}
			if err := plan(t, c, toLayout(images[:1], path)).Err(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A link in the place of the file beside an archive is not followed.
func TestTarPartLink(t *testing.T) {
	src, _, c := pair(t)
	images, _ := three(t, src)
	dir := t.TempDir()
	path := filepath.Join(dir, "media.tar")
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), path+".part"); err != nil {
		t.Fatal(err)
	}
	if err := c.Execute(t.Context(), plan(t, c, toLayout(images[:1], path)), Options{}); err == nil || !strings.Contains(err.Error(), "destination: ") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "elsewhere")); err == nil {
		t.Error("the link was followed")
	}
}

// A blob in an archive that has rotted is not pushed.
func TestTarRotten(t *testing.T) {
	src, _, c := pair(t)
	images, base := three(t, src)
	path := filepath.Join(t.TempDir(), "media.tar")
	execute(t, c, toLayout(images, path))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("xxxx"), int64(bytes.Index(read(t, path), base))); err != nil {
		t.Fatal(err)
	}
	err = c.Execute(t.Context(), plan(t, c, fromLayout(t, c, path)), Options{})
	if err == nil || !strings.Contains(err.Error(), "source: ") || !strings.Contains(err.Error(), "what it sent has another digest") {
		t.Errorf("got %v", err)
	}
}

// That the disk is too small is told before a byte is moved; an archive of
// others has to be written anew and takes its size besides.
func TestTarTooLarge(t *testing.T) {
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		order []int
		want  int64
	}{
		"to be added to":        {[]int{0, 1}, 0},
		"to be written anew":    {[]int{1, 0}, 3072},
		"that is not there yet": {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".tar")
			entries := []tar.Header{{Name: testLayoutFile, Uname: testLayoutVersion}, {Name: testIndexFile, Uname: `{"schemaVersion":2,"manifests":[]}`}}
			var ordered []tar.Header
			for _, i := range tt.order {
				ordered = append(ordered, entries[i])
			}
			if ordered != nil {
				if err := os.WriteFile(path, packed(t, ordered...), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got := ocilayout.Open(path).OverheadBytes(); got != tt.want {
				t.Errorf("got %d", got)
			}
		})
	}
	src, _, c := pair(t)
	size := fmt.Sprint(int64(1) << 60)
	conf := src.blob(t, "ns/b", []byte("{}"))
	m := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"a/b","digest":%q,"size":2},"layers":[{"mediaType":"a/b","digest":%q,"size":%s}]}`,
		testManifestType, conf["digest"], digestOf(random(2, 10)), size)
	src.act(serve("/v2/ns/b/manifests/", testManifestType, []byte(m)))
	path := filepath.Join(dir, "b", "media.tar")
	err := c.Execute(t.Context(), plan(t, c, toLayout([]Image{{Source: srcHost + "/ns/b:1"}}, path)), Options{})
	if err == nil || !strings.HasPrefix(err.Error(), "destination: "+path+": ") || !strings.Contains(err.Error(), "bytes are free, the images take "+size[:8]) {
		t.Errorf("got %v", err)
	}
}
