package fetch

import (
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/minisign"
	"github.com/bayplan/bayplan/internal/ocilayout"
	"github.com/bayplan/bayplan/internal/ocilayout/filelayout"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// putArtifact puts files, by their titles, into a registry or a layout, as a step of type
// artifact does.
func putArtifact(t *testing.T, b *testbed.Registries, target string, a filelayout.Artifact, texts ...string) {
	t.Helper()
	a.Name = "x/x:1"
	for i, text := range texts {
		title, content, _ := strings.Cut(text, "=")
		path := filepath.Join(t.TempDir(), "file")
		steptest.PutFile(t, path, content)
		f := filelayout.File{Path: path, Title: title, SHA256: steptest.SHA256(content), Size: int64(len(content))}
		f.Disktype, f.Architecture = "qcow2", []string{"amd64", "arm64"}[i%2]
		a.Files = append(a.Files, f)
	}
	layout, err := a.Layout("files of an artifact")
	if err != nil {
		t.Fatal(err)
	}
	c := b.Registry()
	c.UseLayout(layout)
	table, err := c.Plan(t.Context(), []registry.Image{{Source: "oci:" + layout.Path() + ":x/x:1", Target: target}}, registry.Selection{})
	if err == nil {
		err = table.Err()
	}
	if err == nil {
		err = c.Execute(t.Context(), table, registry.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func fromAddress(t *testing.T, b *testbed.Registries, address string) fetchFile {
	t.Helper()
	out := connections.With(nil, b.Registry(), testbed.WithHosts(t).Downloads())
	to := filepath.Join(b.Dir, "to", "agent.kernel")
	if _, err := os.Stat(filepath.Dir(to)); err != nil {
		steptest.MakeDir(t, filepath.Dir(to), 0o755)
	}
	return fetchFile{URL: plan.TextOr[string, []string]{Text: address}, To: plan.Path(to), out: out}
}

const bootAgent = "boot/agent:1.0"

func TestFetchArtifactLaws(t *testing.T) {
	for name, configure := range map[string]func(t *testing.T, b *testbed.Registries) (step fetchFile, put string){
		"from a registry": func(t *testing.T, b *testbed.Registries) (fetchFile, string) {
			return fromAddress(t, b, "oci://"+testbed.EdgeHost+"/"+bootAgent), testbed.EdgeHost + "/" + bootAgent
		},
		"from a layout": func(t *testing.T, b *testbed.Registries) (fetchFile, string) {
			return fromAddress(t, b, "oci:"+b.Dir+"/media:"+bootAgent), "oci:" + b.Dir + "/media:" + bootAgent
		},
		"from an archive, with its digest": func(t *testing.T, b *testbed.Registries) (fetchFile, string) {
			step := fromAddress(t, b, "oci:"+b.Dir+"/media.tar:"+bootAgent)
			step.SHA256 = new(steptest.SHA256(kernelText))
			return step, "oci:" + b.Dir + "/media.tar:" + bootAgent
		},
	} {
		t.Run(name, func(t *testing.T) {
			steptest.Laws(t, steptest.Case{Type: Type(nil), Fresh: func(t *testing.T) *steptest.Fixture {
				b := testbed.NewRegistries(t)
				step, put := configure(t, b)
				putArtifact(t, b, put, filelayout.Artifact{}, "agent.kernel="+kernelText, "agent.initramfs=ramdisk")
				step.Name = "agent.kernel"
				f := fetchFixture(t, step, filepath.Join(b.Dir, "to"))
				f.Secrets = []string{testbed.RegistryPassword}
				return f
			}})
		})
	}
}

// fetched applies a step and gives the file.
func fetched(t *testing.T, step *fetchFile) (string, error) {
	t.Helper()
	f, err := step.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		return "", err
	}
	if f.Change != nil {
		if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
			return "", err
		}
	}
	return steptest.ReadFile(t, string(step.To)), nil
}

// The title, or the digest of a manifest, says which file is meant; it never becomes a path.
func TestFetchChoosesFile(t *testing.T) {
	disks := filelayout.Artifact{Disks: true}
	for name, tt := range map[string]struct {
		artifact filelayout.Artifact
		files    []string
		title    string
		want     string // the file, or the error
		hint     string
	}{
		"the only file":           {files: []string{"a=one"}, want: "one"},
		"by its title":            {files: []string{"a=one", "b=two", "c=three"}, title: "b", want: "two"},
		"the same file twice":     {files: []string{"a=one", "b=one"}, want: "one"},
		"a title that is a path":  {files: []string{"../../etc/passwd=one"}, want: "one"},
		"by a title with a slash": {files: []string{"/a/b=one", "c=two"}, title: "/a/b", want: "one"},
		"an empty file":           {files: []string{"a="}, want: ""},
		"three files":             {files: []string{"a=one", "b=two", "c=three"}, want: `it has 3 files: "a", "b", "c"`, hint: "name: TITLE says which of them is meant"},
		"no such title":           {files: []string{"agent.kernel=one", "b=two"}, title: "agent.kernal", want: `it has no file "agent.kernal", but "agent.kernel", "b"`, hint: "did you mean agent.kernel?"},
		"a title with a line end": {files: []string{"a\nb=one", "c=two"}, want: `"a\nb"`},
		"one disk":                {artifact: disks, files: []string{"server.qcow2=one"}, want: "one"},
		"a disk by its title":     {artifact: disks, files: []string{"server.qcow2=one", "arm.qcow2=two"}, title: "arm.qcow2", want: "two"},
		"disks of one title":      {artifact: disks, files: []string{"server.qcow2=one", "server.qcow2=two"}, title: "server.qcow2", want: `it has 2 files "server.qcow2": sha256:`, hint: "the digest of its manifest says which of them is meant"},
		"what disks are for":      {artifact: disks, files: []string{"server.qcow2=one", "server.qcow2=two"}, want: "(qcow2 for linux/arm64)"},
	} {
		t.Run(name, func(t *testing.T) {
			b := testbed.NewRegistries(t)
			putArtifact(t, b, testbed.EdgeHost+"/"+bootAgent, tt.artifact, tt.files...)
			step := fromAddress(t, b, "oci://"+testbed.EdgeHost+"/"+bootAgent)
			step.Name = tt.title
			got, err := fetched(t, &step)
			if err != nil {
				got = err.Error()
				if !strings.Contains(got, tt.want) || !strings.Contains(fault.Hint(err), tt.hint) {
					t.Errorf("got %v (hint %q)", err, fault.Hint(err))
				}
				return
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			names, err := os.ReadDir(filepath.Join(b.Dir, "to"))
			if err != nil || len(names) != 1 {
				t.Errorf("there are %v, %v", names, err)
			}
		})
	}
}

// The digest that the plan has must be that of the artifact: else nothing is moved.
func TestFetchArtifactComparesDigests(t *testing.T) {
	b := testbed.NewRegistries(t)
	putArtifact(t, b, testbed.EdgeHost+"/"+bootAgent, filelayout.Artifact{}, "agent.kernel=two")
	step := fromAddress(t, b, "oci://"+testbed.EdgeHost+"/"+bootAgent)
	step.SHA256 = new(steptest.SHA256("one"))
	blobs := countBlobs(b)
	_, err := fetched(t, &step)
	want := `has another file "agent.kernel": its sha256 is ` + steptest.SHA256("two") + ", not " + steptest.SHA256("one")
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
	if *blobs > 0 {
		t.Errorf("%d requests for blobs", *blobs)
	}
}

// countBlobs counts the requests for blobs of the edge.
func countBlobs(b *testbed.Registries) *int {
	n := new(int)
	b.Before["edge"] = func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/blobs/") {
			*n++
		}
		return false
	}
	return n
}

// A file that is there is not asked for again, and its tag is looked up once.
func TestFetchArtifactAgain(t *testing.T) {
	b := testbed.NewRegistries(t)
	putArtifact(t, b, testbed.EdgeHost+"/"+bootAgent, filelayout.Artifact{}, "agent.kernel=one")
	step := fromAddress(t, b, "oci://"+testbed.EdgeHost+"/"+bootAgent)
	if got, err := fetched(t, &step); err != nil || got != "one" {
		t.Fatalf("%q, %v", got, err)
	}
	blobs := countBlobs(b)
	again := fromAddress(t, b, step.URL.Text)
	f, err := again.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || f.Change != nil || *blobs > 0 {
		t.Errorf("%v, %v, %d requests for blobs", err, f, *blobs)
	}
	pinned := fromAddress(t, b, step.URL.Text)
	pinned.SHA256 = new(steptest.SHA256("one"))
	b.Before["edge"] = func(http.ResponseWriter, *http.Request) bool { t.Error("a request"); return false }
	if f, err := pinned.Diff(t.Context(), &runner.Disk{}, nil); err != nil || f.Change != nil {
		t.Errorf("%v, %v", err, f)
	}
}

// A container image has no files, and its layers are none.
func TestFetchRefusesContainerImages(t *testing.T) {
	b := testbed.NewRegistries(t)
	step := fromAddress(t, b, "oci://"+testbed.UpstreamHost+"/rhosp13/openstack-base:13.0-40")
	_, err := fetched(t, &step)
	if err == nil || !strings.Contains(err.Error(), "none of its layers has the name of a file, as it is with a container image") || !strings.Contains(fault.Hint(err), "mirror copies container images") {
		t.Errorf("got %v (hint %q)", err, fault.Hint(err))
	}
}

// The diff names the artifact by its digest, and what the change moves.
func TestFetchArtifactDiff(t *testing.T) {
	b := testbed.NewRegistries(t)
	putArtifact(t, b, "oci:"+b.Dir+"/media.tar:"+bootAgent, filelayout.Artifact{}, "agent.kernel=one")
	step := fromAddress(t, b, "oci:"+b.Dir+"/media.tar:"+bootAgent)
	f, err := step.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	it := f.Change.Items[0]
	source, digest, _ := strings.Cut(it.Source, "@sha256:")
	if diff := cmp.Diff("oci:"+b.Dir+"/media.tar:"+bootAgent, source); diff != "" || len(digest) != 64 {
		t.Errorf("the source is %s", it.Source)
	}
	if want := "1 file (3 B) from oci:" + b.Dir + "/media.tar"; f.Change.Summary != want {
		t.Errorf("got %q, want %q", f.Change.Summary, want)
	}
	sums, err := runner.Planned(&runner.Disk{}, f.Change.Files...).Sum(t.Context(), string(step.To), runner.SHA512)
	if err != nil || len(sums[runner.SHA512]) != 128 {
		t.Errorf("later steps see %v, %v", sums, err)
	}
}

// A layout that is not there, and one that an earlier step is still to make.
func TestFetchFromMissingLayout(t *testing.T) {
	b := testbed.NewRegistries(t)
	step := fromAddress(t, b, "oci:"+b.Dir+"/media.tar:"+bootAgent)
	if _, err := fetched(t, &step); err == nil || !strings.Contains(err.Error(), "media.tar: there is no layout") {
		t.Errorf("got %v", err)
	}
	w := runner.Planned(&runner.Disk{}, runner.File{Path: b.Dir + "/media.tar", Mode: 0o644})
	if _, err := step.Diff(t.Context(), w, nil); err == nil || !strings.Contains(err.Error(), "its content is not known before it is written") {
		t.Errorf("got %v", err)
	}
}

// With a key the layout has to be signed by it, and every byte of it is checked before one is
// used.
func TestFetchFromSignedLayout(t *testing.T) {
	b := testbed.NewRegistries(t)
	public, secret, err := minisign.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := minisign.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := minisign.NewSecretKey("site.key", secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	layout := filepath.Join(b.Dir, "media.tar")
	if err := b.Registry().Layout(layout).SetForm(ocilayout.Form{Key: signer, Split: 64 << 10}); err != nil {
		t.Fatal(err)
	}
	kernel := strings.Repeat("kernel", 20_000)
	putArtifact(t, b, "oci:"+layout+":"+bootAgent, filelayout.Artifact{}, "agent.kernel="+kernel)
	unsigned := filepath.Join(b.Dir, "unsigned.tar")
	putArtifact(t, b, "oci:"+unsigned+":"+bootAgent, filelayout.Artifact{}, "agent.kernel="+kernel)
	if err := b.Registry().Layout(layout).Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	step := func(layout string, key []byte) *fetchFile {
		f := fromAddress(t, b, "oci:"+layout+":"+bootAgent)
		path := filepath.Join(t.TempDir(), "site.pub")
		steptest.PutFile(t, path, string(key))
		f.Key = new(plan.Path(path))
		return &f
	}
	if _, err := fetched(t, step(unsigned, public)); err == nil || !strings.Contains(err.Error(), "unsigned.tar is not signed, and the key ") {
		t.Errorf("got %v", err)
	}
	if _, err := fetched(t, step(layout, other)); err == nil || !strings.Contains(err.Error(), "media.tar.pieces.minisig: ") {
		t.Errorf("got %v", err)
	}
	if got, err := fetched(t, step(layout, public)); err != nil || got != kernel {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	pieces, err := filepath.Glob(layout + ".[0-9]*")
	if err != nil || len(pieces) < 2 {
		t.Fatalf("the pieces are %v, %v", pieces, err)
	}
	steptest.PutFile(t, pieces[1], strings.Repeat("x", 64<<10))
	steptest.Remove(t, filepath.Join(b.Dir, "to", "agent.kernel"))
	if _, err := fetched(t, step(layout, public)); err == nil || !strings.Contains(err.Error(), filepath.Base(pieces[1])) {
		t.Errorf("got %v", err)
	}
}

// A blob that is not what the manifest says leaves nothing behind, and one whose line broke is
// continued in the next run.
func TestFetchArtifactOverBadLine(t *testing.T) {
	kernel := strings.Repeat("0123456789", 100_000)
	for name, tt := range map[string]struct {
		answer func(w http.ResponseWriter, n int) // the first answers
		want   string                             // the error of the first run
		ranges string                             // what the second run asks for; "": from the beginning
	}{
		"other bytes": {
			answer: func(w http.ResponseWriter, _ int) { _, _ = w.Write([]byte(strings.Repeat("x", len(kernel)))) },
			want:   "its sha256 is ",
		},
		"another size": {
			answer: func(w http.ResponseWriter, _ int) {
				w.Header().Set("Content-Length", "3")
				_, _ = w.Write([]byte("abc"))
			},
			want: "would send 3 bytes, the manifest says 1000000",
		},
		"a line that is down": {
			answer: func(w http.ResponseWriter, n int) {
				if n > 1 {
					w.WriteHeader(http.StatusNotFound)
					return
				}
				w.Header().Set("Content-Length", strconv.Itoa(len(kernel)))
				_, _ = w.Write([]byte(kernel[:12345]))
			},
			want: "12.1 KiB of 976.6 KiB had come", ranges: "bytes=12345-999999",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := testbed.NewRegistries(t)
			putArtifact(t, b, testbed.EdgeHost+"/"+bootAgent, filelayout.Artifact{}, "agent.kernel="+kernel)
			n, asked := 0, ""
			b.Before["edge"] = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, "/blobs/") {
					return false
				}
				n++
				tt.answer(w, n)
				return true
			}
			step := fromAddress(t, b, "oci://"+testbed.EdgeHost+"/"+bootAgent)
			if _, err := fetched(t, &step); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
			left, err := os.ReadDir(filepath.Join(b.Dir, "to"))
			if err != nil || len(left) > 0 && tt.ranges == "" {
				t.Errorf("left behind: %v, %v", left, err)
			}
			b.Before["edge"] = func(_ http.ResponseWriter, r *http.Request) bool {
				if strings.Contains(r.URL.Path, "/blobs/") {
					asked = r.Header.Get("Range")
				}
				return false
			}
			again := fromAddress(t, b, step.URL.Text)
			if got, err := fetched(t, &again); err != nil || got != kernel || asked != tt.ranges {
				t.Errorf("%d bytes, %v, asked for %q", len(got), err, asked)
			}
		})
	}
}

// A key proves archives only.
func TestKeyOfLayouts(t *testing.T) {
	for url, want := range map[string]string{
		"oci:/media.tar:boot:1":         "",
		"oci:/media:boot:1":             "key: /media is a directory, and only an archive is signed",
		"oci://registry.example/boot:1": "key: it proves layouts, and url names none",
	} {
		f := &fetchFile{URL: addresses{Text: url}, To: "/f", Key: new(plan.Path("/key.pub"))}
		if err := f.Validate(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
