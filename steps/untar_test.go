package steps

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// tarball makes an archive of names and contents; a name with a slash at its
// end is a directory.
func tarball(t *testing.T, namesAndContents ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(namesAndContents); i += 2 {
		name, content := namesAndContents[i], namesAndContents[i+1]
		h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))}
		if strings.HasSuffix(name, "/") {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func writeTar(t *testing.T, path string, namesAndContents ...string) {
	t.Helper()
	putFile(t, path, string(tarball(t, namesAndContents...)))
}

func hex256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func hex512(s string) string {
	sum := sha512.Sum512([]byte(s))
	return hex.EncodeToString(sum[:])
}

// newUntar makes a step over an archive of two files and a directory.
func newUntar(t *testing.T) (s *untar, base string) {
	t.Helper()
	base = t.TempDir()
	writeTar(t, base+"/x.tar", "a.qcow2", "disk", "deep/b", "kernel", "empty/", "")
	age(t, base+"/x.tar")
	makeDir(t, base+"/images", 0o755)
	return &untar{Archive: plan.Path(base + "/x.tar"), Into: plan.Path(base + "/images")}, base
}

func TestUntar(t *testing.T) {
	s, base := newUntar(t)
	c := diffed(t, s, &runner.Disk{})
	want := []string{"create file images/a.qcow2", "create file images/deep/b", "create directory images/empty"}
	if diff := cmp.Diff(want, itemLines(base, c)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if want := "2 files (10 B) from x.tar"; c.Summary != want {
		t.Errorf("summary = %q, want %q", c.Summary, want)
	}
	p := applied(t, s)
	if p.bytes != 10 {
		t.Errorf("told of %d bytes, want 10", p.bytes)
	}
	if diff := cmp.Diff([]string{"create file a.qcow2", "create file b", "create directory empty"}, p.done); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{"a.qcow2": "disk", "deep/b": "kernel"} {
		if got := readFile(t, base+"/images/"+name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestUntarOutputs(t *testing.T) {
	s, base := newUntar(t)
	into := base + "/images"
	want := runner.Outputs{
		"files": plan.List(into+"/a.qcow2", into+"/deep/b"),
		"sums":  plan.List(hex256("disk")+"  "+into+"/a.qcow2", hex256("kernel")+"  "+into+"/deep/b"),
		"dirs":  plan.List(into + "/empty"),
		"into":  plan.Text(into),
	}
	compare := func(when string, got runner.Outputs) {
		t.Helper()
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(plan.Value{})); diff != "" {
			t.Errorf("%s: outputs (-want +got):\n%s", when, diff)
		}
	}
	f, err := s.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	compare("before", f.Outputs)
	applied(t, s)
	got, err := s.Verify(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	compare("after", got)
	for _, o := range untarType().Outputs {
		if v, ok := got[o.Name]; !ok || v.IsList() != o.List {
			t.Errorf("output %q: given %v, list %v", o.Name, ok, v.IsList())
		}
	}
}

func TestUntarMakesInto(t *testing.T) {
	s, base := newUntar(t)
	s.Into = plan.Path(base + "/new")
	c := diffed(t, s, &runner.Disk{})
	if got := itemLines(base, c)[0]; got != "create directory new" {
		t.Errorf("first item = %q", got)
	}
	if !c.Files[0].Mode.IsDir() || c.Files[0].Path != base+"/new" {
		t.Errorf("first planned file = %+v", c.Files[0])
	}
	applied(t, s)

	s.Into = plan.Path(base + "/no/such")
	_, err := s.Diff(t.Context(), &runner.Disk{}, nil)
	if err == nil || !strings.Contains(err.Error(), base+"/no") || !strings.Contains(fault.Hint(err), "mkdir") {
		t.Errorf("error = %v, hint %q", err, fault.Hint(err))
	}
	planned := runner.Planned(&runner.Disk{}, runner.File{Path: base + "/no/such", Mode: fs.ModeDir | 0o755})
	if c := diffed(t, s, planned); len(c.Items) != 3 {
		t.Errorf("items = %v where a mkdir makes the directory", c.Items)
	}
}

func TestUntarPlannedFiles(t *testing.T) {
	s, base := newUntar(t)
	s.Archive = plan.Path(base + "/x.tar.gz") // itself only planned
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(tarball(t, "a", "first", "b", "second"))
	z.Close()
	w := runner.Planned(&runner.Disk{}, runner.File{
		Path: base + "/x.tar.gz", Size: int64(packed.Len()), Mode: 0o644,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil },
	})
	ctx, cancel := context.WithCancel(t.Context())
	f, err := s.Diff(ctx, w, nil)
	cancel() // the files are opened when the Diff is long over
	if err != nil {
		t.Fatal(err)
	}
	next := runner.Planned(w, f.Change.Files...)
	for name, want := range map[string]string{"a": "first", "b": "second"} {
		path := base + "/images/" + name
		r, err := next.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || string(got) != want {
			t.Errorf("%s = %q, %v; want %q", name, got, err, want)
		}
		sums, err := next.Sum(t.Context(), path, runner.SHA256, runner.SHA512, runner.MD5)
		if err != nil || sums[runner.SHA256] != hex256(want) || sums[runner.SHA512] != hex512(want) {
			t.Errorf("%s: sums = %v, %v", name, sums, err)
		}
	}
}

func TestUntarNoticesChanges(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, base string)
		items  []string
	}{
		{"a file is gone", func(t *testing.T, base string) { remove(t, base+"/images/a.qcow2") }, []string{"create file images/a.qcow2"}},
		{"a file is longer", func(t *testing.T, base string) { putFile(t, base+"/images/a.qcow2", "disk!") }, []string{"replace file images/a.qcow2"}},
		{"a file differs", func(t *testing.T, base string) { putFile(t, base+"/images/a.qcow2", "DISK") }, []string{"replace file images/a.qcow2"}},
		{"a directory is gone", func(t *testing.T, base string) { remove(t, base+"/images/empty") }, []string{"create directory images/empty"}},
		{"all is gone", func(t *testing.T, base string) { remove(t, base+"/images") }, []string{
			"create directory images", "create file images/a.qcow2", "create file images/deep/b", "create directory images/empty",
		}},
		{"another archive", func(t *testing.T, base string) { writeTar(t, base+"/x.tar", "a.qcow2", "new!", "deep/b", "kernel") }, []string{"replace file images/a.qcow2"}},
		{"a killed run left its files", func(t *testing.T, base string) {
			putFile(t, filepath.Join(base, "images", archive.StageName(base+"/x.tar"), "000000"), "half")
		}, []string{"remove leftover images/STAGE of a run that was killed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, base := newUntar(t)
			applied(t, s)
			prior := record(t, s)
			tt.change(t, base)
			s = &untar{Archive: s.Archive, Into: s.Into}
			f, err := s.Diff(t.Context(), &runner.Disk{}, prior)
			if err != nil {
				t.Fatal(err)
			}
			got := itemLines(base, f.Change)
			for i := range got {
				got[i] = strings.Replace(got[i], archive.StageName(base+"/x.tar"), "STAGE", 1)
			}
			if diff := cmp.Diff(tt.items, got); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			applied(t, s)
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// record gives the record of a step that was applied.
func record(t *testing.T, s runner.Step) *runner.Record {
	t.Helper()
	w := &runner.Disk{}
	inputs, err := s.Inputs(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := s.Verify(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return &runner.Record{Inputs: inputs, Outputs: outputs}
}

// Records that are of no use do no harm either.
func TestUntarMistrustsRecords(t *testing.T) {
	s, base := newUntar(t)
	applied(t, s)
	good := record(t, s)
	for name, outputs := range map[string]runner.Outputs{
		"none":               {},
		"of another place":   {"sums": plan.List(hex256("disk") + "  /elsewhere/a.qcow2")},
		"no digest":          {"sums": plan.List("nonsense")},
		"not lists":          {"sums": plan.Text("nonsense"), "dirs": plan.Later("later")},
		"outside":            {"sums": plan.List(hex256("disk") + "  " + base + "/images/../x")},
		"a directory too":    {"sums": good.Outputs["sums"], "dirs": plan.List("/elsewhere")},
		"files that are not": {"sums": plan.List(hex256("disk") + "  " + base + "/images/other")},
	} {
		t.Run(name, func(t *testing.T) {
			outputs["into"] = good.Outputs["into"]
			f, err := s.Diff(t.Context(), &runner.Disk{}, &runner.Record{Inputs: good.Inputs, Outputs: outputs})
			if err != nil {
				t.Fatal(err)
			}
			if f.Change != nil || len(f.Outputs["files"].Items()) != 2 {
				t.Errorf("change = %v, outputs %v", f.Change, f.Outputs)
			}
		})
	}
}

// A plan that is changed to unpack into a directory above the former one, or
// below it, finds nothing done there.
func TestUntarMovedInto(t *testing.T) {
	tests := map[string]string{"above": "", "below": "/images/new", "beside": "/other"}
	for name, into := range tests {
		t.Run(name, func(t *testing.T) {
			s, base := newUntar(t)
			applied(t, s)
			moved := &untar{Archive: s.Archive, Into: plan.Path(base + into)}
			f, err := moved.Diff(t.Context(), &runner.Disk{}, record(t, s))
			if err != nil {
				t.Fatal(err)
			}
			if f.Change == nil || f.Outputs["files"].Items()[0] != base+into+"/a.qcow2" {
				t.Errorf("change = %v, outputs %v", f.Change, f.Outputs)
			}
		})
	}
}

// The input is what the archive holds, however it is packed.
func TestUntarInputs(t *testing.T) {
	digest := func(s *untar) string {
		t.Helper()
		in, err := s.Inputs(t.Context(), &runner.Disk{})
		if err != nil || len(in) != 1 || in[0].Name != "archive" {
			t.Fatalf("inputs = %v, %v", in, err)
		}
		return in[0].Digest
	}
	s, base := newUntar(t)
	first := digest(s)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(readFile(t, base+"/x.tar")))
	z.Close()
	putFile(t, base+"/x.tar", packed.String())
	if got := digest(&untar{Archive: s.Archive, Into: s.Into}); got != first {
		t.Errorf("packed, the digest is %s, not %s", got, first)
	}
	writeTar(t, base+"/x.tar", "a.qcow2", "disk", "deep/b", "KERNEL", "empty/", "")
	if got := digest(&untar{Archive: s.Archive, Into: s.Into}); got == first {
		t.Error("with other content it is the same")
	}
}
