package untar

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
)

// newUntar makes a step over an archive of two files and a directory.
func newUntar(t *testing.T) (s *untar, base string) {
	t.Helper()
	base = t.TempDir()
	steptest.WriteTar(t, base+"/x.tar", "a.qcow2", "disk", "deep/b", "kernel", "empty/", "")
	age(t, base+"/x.tar")
	steptest.MakeDir(t, base+"/images", 0o755)
	return &untar{Archive: plan.Path(base + "/x.tar"), Into: plan.Path(base + "/images")}, base
}

func TestUntar(t *testing.T) {
	s, base := newUntar(t)
	c := steptest.Diff(t, s, &runner.Disk{})
	want := []string{"create file images/a.qcow2", "create file images/deep/b", "create directory images/empty"}
	if diff := cmp.Diff(want, steptest.ItemLines(base, c)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if want := "2 files (10 B) from x.tar"; c.Summary != want {
		t.Errorf("summary = %q, want %q", c.Summary, want)
	}
	p := steptest.Apply(t, s)
	if p.Bytes != 10 {
		t.Errorf("told of %d bytes, want 10", p.Bytes)
	}
	if diff := cmp.Diff([]string{"create file a.qcow2", "create file b", "create directory empty"}, p.Lines()); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{"a.qcow2": "disk", "deep/b": "kernel"} {
		if got := steptest.ReadFile(t, base+"/images/"+name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestUntarOutputs(t *testing.T) {
	s, base := newUntar(t)
	into := base + "/images"
	want := runner.Outputs{
		"files": plan.List(into+"/a.qcow2", into+"/deep/b"),
		"sums":  plan.List(steptest.SHA256("disk")+"  "+into+"/a.qcow2", steptest.SHA256("kernel")+"  "+into+"/deep/b"),
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
	steptest.Apply(t, s)
	got, err := s.Verify(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	compare("after", got)
	for _, o := range Type().Outputs {
		if v, ok := got[o.Name]; !ok || v.IsList() != o.List {
			t.Errorf("output %q: given %v, list %v", o.Name, ok, v.IsList())
		}
	}
}

func TestUntarMakesInto(t *testing.T) {
	s, base := newUntar(t)
	s.Into = plan.Path(base + "/new")
	c := steptest.Diff(t, s, &runner.Disk{})
	if got := steptest.ItemLines(base, c)[0]; got != "create directory new" {
		t.Errorf("first item = %q", got)
	}
	if !c.Files[0].Mode.IsDir() || c.Files[0].Path != base+"/new" {
		t.Errorf("first planned file = %+v", c.Files[0])
	}
	steptest.Apply(t, s)

	s.Into = plan.Path(base + "/no/such")
	_, err := s.Diff(t.Context(), &runner.Disk{}, nil)
	if err == nil || !strings.Contains(err.Error(), base+"/no") || !strings.Contains(fault.Hint(err), "mkdir") {
		t.Errorf("error = %v, hint %q", err, fault.Hint(err))
	}
	planned := runner.Planned(&runner.Disk{}, runner.File{Path: base + "/no/such", Mode: fs.ModeDir | 0o755})
	if c := steptest.Diff(t, s, planned); len(c.Items) != 3 {
		t.Errorf("items = %v where a mkdir makes the directory", c.Items)
	}
}

func TestUntarPlannedFiles(t *testing.T) {
	s, base := newUntar(t)
	s.Archive = plan.Path(base + "/x.tar.gz") // itself only planned
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(steptest.Tarball(t, "a", "first", "b", "second"))
	z.Close()
	w := runner.Planned(&runner.Disk{}, runner.File{
		Path: base + "/x.tar.gz", Size: int64(packed.Len()), Mode: 0o644,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil },
	})
	ctx, cancel := context.WithCancel(t.Context())
	f, err := s.Diff(ctx, w, nil)
	cancel() // the files are opened after the Diff has ended
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
		if err != nil || sums[runner.SHA256] != steptest.SHA256(want) || sums[runner.SHA512] != steptest.SHA512(want) {
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
		{"a file is gone", func(t *testing.T, base string) { steptest.Remove(t, base+"/images/a.qcow2") }, []string{"create file images/a.qcow2"}},
		{"a file is longer", func(t *testing.T, base string) { steptest.PutFile(t, base+"/images/a.qcow2", "disk!") }, []string{"replace file images/a.qcow2"}},
		{"a file differs", func(t *testing.T, base string) { steptest.PutFile(t, base+"/images/a.qcow2", "DISK") }, []string{"replace file images/a.qcow2"}},
		{"a directory is gone", func(t *testing.T, base string) { steptest.Remove(t, base+"/images/empty") }, []string{"create directory images/empty"}},
		{"all is gone", func(t *testing.T, base string) { steptest.Remove(t, base+"/images") }, []string{
			"create directory images", "create file images/a.qcow2", "create file images/deep/b", "create directory images/empty",
		}},
		{"another archive", func(t *testing.T, base string) {
			steptest.WriteTar(t, base+"/x.tar", "a.qcow2", "new!", "deep/b", "kernel")
		}, []string{"replace file images/a.qcow2"}},
		{"a killed run left its files", func(t *testing.T, base string) {
			steptest.PutFile(t, filepath.Join(base, "images", archive.StageName(base+"/x.tar"), "000000"), "half")
		}, []string{"remove leftover images/STAGE of a run that was killed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, base := newUntar(t)
			steptest.Apply(t, s)
			prior := steptest.Record(t, s)
			tt.change(t, base)
			s = &untar{Archive: s.Archive, Into: s.Into}
			f, err := s.Diff(t.Context(), &runner.Disk{}, prior)
			if err != nil {
				t.Fatal(err)
			}
			got := steptest.ItemLines(base, f.Change)
			for i := range got {
				got[i] = strings.Replace(got[i], archive.StageName(base+"/x.tar"), "STAGE", 1)
			}
			if diff := cmp.Diff(tt.items, got); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			steptest.Apply(t, s)
		})
	}
}

// Malformed records do no harm.
func TestUntarMistrustsRecords(t *testing.T) {
	s, base := newUntar(t)
	steptest.Apply(t, s)
	good := steptest.Record(t, s)
	for name, outputs := range map[string]runner.Outputs{
		"none":               {},
		"of another place":   {"sums": plan.List(steptest.SHA256("disk") + "  /elsewhere/a.qcow2")},
		"no digest":          {"sums": plan.List("nonsense")},
		"not lists":          {"sums": plan.Text("nonsense"), "dirs": plan.Later("later")},
		"outside":            {"sums": plan.List(steptest.SHA256("disk") + "  " + base + "/images/../x")},
		"a directory too":    {"sums": good.Outputs["sums"], "dirs": plan.List("/elsewhere")},
		"files that are not": {"sums": plan.List(steptest.SHA256("disk") + "  " + base + "/images/other")},
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

// A record of another directory does not count: not when the plan is changed to a
// directory above, and not when it is changed to one below.
func TestUntarMovedInto(t *testing.T) {
	tests := map[string]string{"above": "", "below": "/images/new", "beside": "/other"}
	for name, into := range tests {
		t.Run(name, func(t *testing.T) {
			s, base := newUntar(t)
			steptest.Apply(t, s)
			moved := &untar{Archive: s.Archive, Into: plan.Path(base + into)}
			f, err := moved.Diff(t.Context(), &runner.Disk{}, steptest.Record(t, s))
			if err != nil {
				t.Fatal(err)
			}
			if f.Change == nil || f.Outputs["files"].Items()[0] != base+into+"/a.qcow2" {
				t.Errorf("change = %v, outputs %v", f.Change, f.Outputs)
			}
		})
	}
}

// The input depends on the entries of the archive, not on how it is compressed.
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
	z.Write([]byte(steptest.ReadFile(t, base+"/x.tar")))
	z.Close()
	steptest.PutFile(t, base+"/x.tar", packed.String())
	if got := digest(&untar{Archive: s.Archive, Into: s.Into}); got != first {
		t.Errorf("packed, the digest is %s, not %s", got, first)
	}
	steptest.WriteTar(t, base+"/x.tar", "a.qcow2", "disk", "deep/b", "KERNEL", "empty/", "")
	if got := digest(&untar{Archive: s.Archive, Into: s.Into}); got == first {
		t.Error("with other content it is the same")
	}
}
