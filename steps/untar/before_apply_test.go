package untar

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
)

// The laws also hold when BeforeApply is called, as the runner does before an apply.
func TestUntarLawsBeforeApply(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type(), Fresh: func(t *testing.T) *steptest.Fixture {
		base := t.TempDir()
		into, from := filepath.Join(base, "images"), filepath.Join(base, "x.tar.gz")
		steptest.PutFile(t, from, gzipped(steptest.Tarball(t, "a.qcow2", "disk", "deep/b", "kernel", "empty/", "", "last", "")))
		age(t, from)
		return &steptest.Fixture{
			New: func() runner.Step {
				u := &untar{Archive: plan.Path(from), Into: plan.Path(into)}
				// The laws need Inputs that are known, and a Diff that sees all
				// entries. Before an apply Inputs does not know the digest.
				if _, err := os.Stat(into); err != nil {
					return u
				}
				u.BeforeApply()
				return u
			},
			Dirs: []string{base},
			Break: []steptest.Break{
				{Name: "a file is removed", Do: func(t *testing.T) { steptest.Remove(t, into+"/a.qcow2") }},
				{Name: "a file is changed", Do: func(t *testing.T) { steptest.PutFile(t, into+"/deep/b", "KERNEL") }},
				{Name: "a killed run left its files", Do: func(t *testing.T) {
					steptest.PutFile(t, filepath.Join(into, archive.StageName(from), "000000"), "half")
				}},
			},
		}
	}})
}

func gzipped(b []byte) string {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(b)
	z.Close()
	return packed.String()
}

// readingWorld counts the bytes that are read from files.
type readingWorld struct {
	*runner.Disk
	read int64
}

func (w *readingWorld) Open(path string) (io.ReadCloser, error) {
	r, err := w.Disk.Open(path)
	if err != nil {
		return nil, err
	}
	return &countedFile{r.(*os.File), w}, nil
}

type countedFile struct {
	*os.File
	w *readingWorld
}

func (f *countedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.w.read += int64(n)
	return n, err
}

// Diff before an apply reads only a part of the archive, and Apply reads it once.
func TestUntarReadsAnArchiveOnce(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 1<<19) // 8 MiB
	plain := steptest.Tarball(t, "a.qcow2", body, "b", "kernel")
	for name, packed := range map[string]string{"x.tar": string(plain), "x.tar.gz": gzipped(plain)} {
		t.Run(name, func(t *testing.T) {
			s, base := newUntar(t)
			s.Archive = plan.Path(filepath.Join(base, name))
			steptest.PutFile(t, string(s.Archive), packed)
			w := &readingWorld{Disk: &runner.Disk{}}
			s.BeforeApply()
			inputs, err := s.Inputs(t.Context(), w)
			if err != nil || inputs[0].Digest != "" || w.read != 0 {
				t.Fatalf("inputs = %v, %v, with %d bytes read", inputs, err, w.read)
			}
			f, err := s.Diff(t.Context(), w, nil)
			if err != nil {
				t.Fatal(err)
			}
			if most := int64(2 << 20); w.read > most {
				t.Errorf("Diff read %d bytes, want %d at most", w.read, most)
			}
			w.read = 0
			if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
				t.Fatal(err)
			}
			if size := int64(len(packed)); w.read < size || w.read > size+2<<20 {
				t.Errorf("Apply read %d bytes of an archive of %d", w.read, size)
			}
			if got := steptest.ReadFile(t, base+"/images/a.qcow2"); got != body {
				t.Error("a.qcow2 is another one")
			}
			if inputs, err := s.Inputs(t.Context(), w); err != nil || inputs[0].Digest == "" {
				t.Errorf("inputs afterwards = %v, %v", inputs, err)
			}
		})
	}
}

// A Diff before an apply is certain that something has to be done, or it compares as
// any other Diff does.
func TestUntarDiffBeforeApply(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, base string)
		plain  []string // items for a plain archive
		packed []string // and for a compressed one
		done   []string // items that either reports as done
	}{
		{
			"nothing is there", func(*testing.T, string) {},
			[]string{"create file images/a.qcow2", "create file images/deep/b", "create directory images/empty"},
			[]string{"create contents ARCHIVE"},
			[]string{"create file a.qcow2", "create file b", "create directory empty"},
		},
		{"all is there", func(t *testing.T, base string) {
			unpackBy(t, base, "disk", "kernel")
		}, nil, nil, nil},
		{"all but the last is there", func(t *testing.T, base string) {
			unpackBy(t, base, "disk", "kernel")
			steptest.Remove(t, base+"/images/deep/b")
		}, []string{"create file images/deep/b"}, []string{"create file images/deep/b"}, []string{"create file b"}},
		{"one is longer", func(t *testing.T, base string) {
			unpackBy(t, base, "disk", "kernel!")
		}, []string{"replace file images/deep/b"}, []string{"replace file images/deep/b"}, []string{"replace file b"}},
		{"the first is longer", func(t *testing.T, base string) {
			unpackBy(t, base, "disk!", "KERNEL")
		}, []string{"replace file images/a.qcow2"}, []string{"create contents ARCHIVE"}, []string{"replace file a.qcow2", "replace file b"}},
		{"one is another", func(t *testing.T, base string) {
			unpackBy(t, base, "disk", "KERNEL")
		}, []string{"replace file images/deep/b"}, []string{"replace file images/deep/b"}, []string{"replace file b"}},
	}
	for _, tt := range tests {
		for name, want := range map[string][]string{"x.tar": tt.plain, "x.tar.gz": tt.packed} {
			t.Run(tt.name+", "+name, func(t *testing.T) {
				s, base := newUntar(t)
				s.Archive = plan.Path(filepath.Join(base, name))
				if name == "x.tar.gz" {
					steptest.PutFile(t, string(s.Archive), gzipped([]byte(steptest.ReadFile(t, base+"/x.tar"))))
				}
				tt.change(t, base)
				s.BeforeApply()
				f, err := s.Diff(t.Context(), &runner.Disk{}, nil)
				if err != nil {
					t.Fatal(err)
				}
				if (f.Change == nil) != (want == nil) {
					t.Fatalf("change = %+v, want items %q", f.Change, want)
				}
				if f.Change == nil {
					return
				}
				got := steptest.ItemLines(base, f.Change)
				for i := range got {
					got[i] = strings.Replace(got[i], name, "ARCHIVE", 1)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("items (-want +got):\n%s", diff)
				}
				p := &steptest.Progress{}
				if _, err := f.Change.Apply(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				told := slices.DeleteFunc(p.Lines(), func(line string) bool { return strings.HasPrefix(line, "create contents") })
				if diff := cmp.Diff(tt.done, told); diff != "" {
					t.Errorf("done (-want +got):\n%s", diff)
				}
				if _, err := s.Verify(t.Context(), (&runner.Disk{}).Hard()); err != nil {
					t.Error(err)
				}
				if got := steptest.ReadFile(t, base+"/images/a.qcow2") + steptest.ReadFile(t, base+"/images/deep/b"); got != "diskkernel" {
					t.Errorf("content = %q", got)
				}
			})
		}
	}
}

// unpackBy writes the files of the archive, with these contents, to their places.
func unpackBy(t *testing.T, base, disk, kernel string) {
	t.Helper()
	steptest.PutFile(t, base+"/images/a.qcow2", disk)
	steptest.PutFile(t, base+"/images/deep/b", kernel)
	steptest.MakeDir(t, base+"/images/empty", 0o755)
}

// When one file of three is gone, only that one is written.
func TestUntarWritesOnlyMissingFiles(t *testing.T) {
	s, base := newUntar(t)
	age(t, string(s.Archive))
	d := &runner.Disk{}
	prior := appliedIn(t, s, d)
	before, err := os.Stat(base + "/images/a.qcow2")
	if err != nil {
		t.Fatal(err)
	}
	steptest.Remove(t, base+"/images/deep/b")
	again := &untar{Archive: s.Archive, Into: s.Into}
	again.BeforeApply()
	f, err := again.Diff(t.Context(), d, prior)
	if err != nil {
		t.Fatal(err)
	}
	p := &steptest.Progress{}
	if _, err := f.Change.Apply(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(base + "/images/a.qcow2")
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) || p.Bytes != int64(len("kernel")) {
		t.Errorf("it wrote %d bytes", p.Bytes)
	}
}
