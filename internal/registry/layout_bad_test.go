package registry

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/ocilayout/layoutindex"
)

func TestLayoutRefused(t *testing.T) {
	src, _, c := pair(t)
	images, _ := three(t, src)
	write := func(path, text string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	pipe := func(path string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			if err := syscall.Mkfifo(filepath.Join(dir, path), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	both := func(fs ...func(*testing.T, string)) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			for _, f := range fs {
				f(t, dir)
			}
		}
	}
	layout := write(testLayoutFile, testLayoutVersion)
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, dir string)
		want    string
	}{
		"somebody's files":    {write("notes.txt", "x"), `is not an OCI layout, and not empty: it holds "notes.txt"`},
		"another version":     {write(testLayoutFile, `{"imageLayoutVersion":"2.0"}`), "is not an OCI layout of version 1.0.0"},
		"a broken index":      {both(layout, write(testIndexFile, "{")), "unexpected end of JSON input"},
		"a bad digest":        {both(layout, write(testIndexFile, `{"manifests":[{"digest":"sha256:../../x","size":1}]}`)), `the digest "sha256:../../x"`},
		"a huge version":      {write(testLayoutFile, strings.Repeat(" ", 1001)), "more than 1000 bytes are too much"},
		"a huge index":        {both(layout, write(testIndexFile, strings.Repeat(" ", 16<<20+1))), "more than 16777216 bytes are too much"},
		"a pipe for an index": {both(layout, pipe(testIndexFile)), "it is not a regular file"},
		"a pipe":              {pipe(testLayoutFile), "it is not a regular file"},
		"a file for a folder": {both(layout, write("blobs", "")), "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tt.prepare(t, dir)
			table := plan(t, c, toLayout(images[:1], dir))
			err := table.Err()
			if err == nil {
				err = c.Execute(t.Context(), table, Options{})
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "destination: ") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	table := plan(t, c, []Image{{Source: images[0].Source, Target: LayoutPrefix + t.TempDir() + ":Not A Name"}})
	if err := table.Err(); err == nil || !strings.Contains(err.Error(), "is not of the form oci:LAYOUT:repository:tag") {
		t.Errorf("got %v", err)
	}
}

func TestLayoutImages(t *testing.T) {
	_, _, c := pair(t)
	entry := func(name string) string {
		return fmt.Sprintf(`{"mediaType":%q,"digest":"sha256:%064x","size":1,"annotations":{%q:%q}}`, testManifestType, len(name), layoutindex.NameKey, name)
	}
	foreign := func(full, own string) string {
		return fmt.Sprintf(`{"mediaType":%q,"digest":"sha256:%064x","size":1,"annotations":{"io.containerd.image.name":%q,%q:%q}}`, testManifestType, len(own), full, layoutindex.NameKey, own)
	}
	at := func(name string, n int) string { return fmt.Sprintf("%s@sha256:%064x", name, n) }
	for name, tt := range map[string]struct {
		entries []string
		want    []string
		err     string
	}{
		"names":         {[]string{entry("ns/a:1"), entry("b:2")}, []string{at("ns/a:1", 6), at("b:2", 3)}, ""},
		"with a host":   {[]string{entry("192.0.2.1:8787/ns/a:1")}, []string{at("ns/a:1", 21)}, ""},
		"signatures":    {[]string{entry("ns/a:1"), entry("ns/a:" + cosign("sha256:"+strings.Repeat("a", 64), ".sig")), entry("")}, []string{at("ns/a:1", 6)}, ""},
		"docker save":   {[]string{foreign("docker.io/library/busybox:1.36", "1.36")}, []string{at("library/busybox:1.36", 4)}, ""},
		"nerdctl":       {[]string{foreign("localhost/a:1", ""), foreign("registry.example:5000/ns/b:2@sha256:"+strings.Repeat("a", 64), "2")}, []string{at("a:1", 0), at("ns/b:2", 1)}, ""},
		"without a tag": {[]string{foreign("quay.io/ns/b@sha256:"+strings.Repeat("a", 64), "3")}, []string{at("ns/b:3", 1)}, ""},
		"podman":        {[]string{entry("localhost/mine:latest")}, []string{at("mine:latest", 21)}, ""},
		"a bare tag":    {[]string{entry("latest")}, nil, `the image named "latest" there has no repository and tag`},
		"nothing named": {[]string{entry("")}, nil, "no image is named there"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{
				testLayoutFile: testLayoutVersion,
				testIndexFile:  `{"schemaVersion":2,"manifests":[` + strings.Join(tt.entries, ",") + `]}`,
			} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := c.LayoutImages(dir)
			for i := range got {
				got[i] = strings.TrimPrefix(got[i], LayoutPrefix+dir+":")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
		})
	}
	if _, err := c.LayoutImages(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a layout that is not there has images")
	}
}

// A layout's blob that has rotted is not pushed.
func TestLayoutRotten(t *testing.T) {
	src, _, c := pair(t)
	images, base := three(t, src)
	dir := t.TempDir()
	if err := c.Execute(t.Context(), plan(t, c, toLayout(images, dir)), Options{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(digestOf(base), "sha256:"))
	if err := os.WriteFile(path, slices.Repeat([]byte("x"), len(base)), 0o600); err != nil {
		t.Fatal(err)
	}
	err := c.Execute(t.Context(), plan(t, c, fromLayout(t, c, dir)), Options{})
	if err == nil || !strings.Contains(err.Error(), "source: ") || !strings.Contains(err.Error(), "what it sent has another digest") {
		t.Errorf("got %v", err)
	}
}

// That the disk is too small is told before a byte is moved.
func TestLayoutTooLarge(t *testing.T) {
	src, _, c := pair(t)
	src.image(t, "ns/a", "1", nil, random(1, 1000))
	conf := src.blob(t, "ns/b", []byte("{}"))
	layer := map[string]any{"mediaType": "application/octet-stream", "digest": digestOf(random(2, 10)), "size": int64(1) << 60}
	m, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": testManifestType, "config": conf, "layers": []any{layer, conf}})
	if err != nil {
		t.Fatal(err)
	}
	src.act(serve("/v2/ns/b/manifests/", testManifestType, m))
	dir := filepath.Join(t.TempDir(), "a", "b")
	images := toLayout([]Image{{Source: srcHost + "/ns/a:1"}, {Source: srcHost + "/ns/b:1"}}, dir)
	src.reset()
	err = c.Execute(t.Context(), plan(t, c, images), Options{})
	if err == nil || !strings.HasPrefix(err.Error(), "destination: "+dir+": ") || !strings.Contains(err.Error(), "bytes are free, the images take 11529215046068") {
		t.Errorf("got %v", err)
	}
	if src.rest(); src.counts["GET blobs"] != 0 {
		t.Errorf("%v", src.counts)
	}
}
