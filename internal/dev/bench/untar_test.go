package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/dev/bench/measure"
)

func TestLargeWriteImage(t *testing.T) {
	image := func(number uint64) []byte {
		var b bytes.Buffer
		if err := writeImage(&b, number, 40<<20); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	one := image(1)
	if len(one) != 40<<20 || !bytes.Equal(one, image(1)) || bytes.Equal(one, image(2)) {
		t.Error("an image is not what its number says")
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(one)
	z.Close()
	if by := float64(len(one)) / float64(packed.Len()); by < 1.8 || by > 5 {
		t.Errorf("it compresses by %.1f, unlike disk images", by)
	}
}

func TestUnpackingLooksAtWhatIsThere(t *testing.T) {
	u := &untarComparison{bench: &bench{options: options{dir: t.TempDir()}, self: "true", log: io.Discard}}
	dir, err := u.emptyDir(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.checkFiles(dir); err == nil {
		t.Error("nothing is there, but the check passes")
	}
	for _, f := range unpackFiles {
		path := filepath.Join(dir, "out", f.name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := u.checkFiles(dir); err == nil {
			t.Errorf("%s is empty, but the check passes", f.name)
		}
		if err := os.Truncate(path, f.size); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.checkFiles(dir); err != nil {
		t.Error(err)
	}
}

func TestUnpackingPacksOnce(t *testing.T) {
	u := &untarComparison{bench: &bench{options: options{dir: t.TempDir()}, log: io.Discard}}
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(u.archive("tar"), plain.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	p := compression{suffix: "tar.gz", command: []string{"cat"}}
	for range 2 {
		if err := u.makeArchive(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		p.command = []string{"false"}
	}
	if got, err := os.ReadFile(u.archive("tar.gz")); err != nil || !bytes.Equal(got, plain.Bytes()) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestUnpackingReport(t *testing.T) {
	took := func(d time.Duration) measure.Samples { return measure.Samples{{Wall: d, CPU: d, Memory: 20 << 20}} }
	u := &untarComparison{bench: &bench{options: options{runs: 1}}}
	for _, p := range compressions() {
		u.results = append(u.results, &untarResult{compression: p, gnu: took(2 * time.Second), bayplan: took(3 * time.Second), secondRun: took(time.Second / 10)})
	}
	var out strings.Builder
	u.report(&out)
	if !strings.Contains(out.String(), "1.50") || strings.Count(out.String(), "tar.") < 3 {
		t.Errorf("report:\n%s", out.String())
	}
	met := map[string]bool{}
	for _, g := range u.goals() {
		met[g.what] = g.met
	}
	if met["untar of tar / GNU tar and sync, at most 1.00"] || !met["untar of tar.xz / GNU tar and sync, at most 2.50"] || !met["memory, under 64 MiB"] {
		t.Errorf("goals: %v", met)
	}
}
