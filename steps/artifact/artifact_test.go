package artifact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/standin"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/destination"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// media are two files, as disk images and boot files are.
func media(t *testing.T, b *testbed.Registries) {
	t.Helper()
	steptest.PutFile(t, filepath.Join(b.Dir, "overcloud-full.qcow2"), strings.Repeat("disk", 100_000))
	steptest.PutFile(t, filepath.Join(b.Dir, "agent.kernel"), "kernel")
}

// carrying gives the step that puts the files somewhere.
func carrying(b *testbed.Registries, to destination.Setting) *artifact {
	a := &artifact{
		Name: "images/overcloud-full:13.0", To: to, out: b.Set, id: "media",
		Files: []plan.TextOr[plan.Path, file]{
			{Text: plan.Path(filepath.Join(b.Dir, "overcloud-full.qcow2"))},
			{Other: file{File: plan.Path(filepath.Join(b.Dir, "agent.kernel")), Title: "ipa.kernel", MediaType: "application/x-kernel"}},
		},
	}
	return a
}

func toRegistries(names ...string) destination.Setting {
	var to destination.Setting
	for _, name := range names {
		to.Items = append(to.Items, destination.One{Text: name})
	}
	return to
}

func toLayout(path string) destination.Setting {
	return destination.Setting{Items: []destination.One{{Other: destination.Layout{Layout: plan.Path(path)}}}}
}

func TestArtifactLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type((*connections.Set)(nil)), Fresh: func(t *testing.T) *steptest.Fixture {
		b := testbed.NewRegistries(t)
		media(t, b)
		return &steptest.Fixture{
			New:      func() runner.Step { return carrying(b, toRegistries("local")) },
			Dirs:     []string{b.Dir},
			Snapshot: func() string { return b.Snapshot(t) },
			Close:    b.CloseLocal,
			Secrets:  []string{testbed.RegistryPassword},
			Break: []steptest.Break{
				{Name: "the tag is deleted", Do: func(t *testing.T) { b.Remove(t, "/v2/images/overcloud-full/manifests/13.0") }},
				{Name: "the tag moves to another image", Do: func(t *testing.T) { b.Put(t, "rhosp13/openstack-base:13.0-40", "images/overcloud-full:13.0") }},
				{Name: "a file changes", Do: func(t *testing.T) { steptest.PutFile(t, filepath.Join(b.Dir, "agent.kernel"), "KERNEL") }},
				{Name: "a file goes away", Do: func(t *testing.T) { steptest.Remove(t, filepath.Join(b.Dir, "agent.kernel")) }},
			},
		}
	}})
}

func TestArtifactInLayoutLaws(t *testing.T) {
	for _, name := range []string{"media", "media.tar"} {
		t.Run(name, func(t *testing.T) {
			steptest.Laws(t, steptest.Case{Type: Type((*connections.Set)(nil)), Fresh: func(t *testing.T) *steptest.Fixture {
				b := testbed.NewRegistries(t)
				media(t, b)
				at := filepath.Join(b.Dir, name)
				return &steptest.Fixture{
					New:  func() runner.Step { return carrying(b, toLayout(at)) },
					Dirs: []string{b.Dir},
					Break: []steptest.Break{
						{Name: "a file changes", Do: func(t *testing.T) { steptest.PutFile(t, filepath.Join(b.Dir, "agent.kernel"), "KERNEL") }},
					},
				}
			}})
		})
	}
}

// The manifest is the one that ORAS makes of such files, and the blobs are the files.
func TestArtifactManifest(t *testing.T) {
	b := testbed.NewRegistries(t)
	media(t, b)
	apply(t, carrying(b, toRegistries("edge", "local")))
	var m testManifest
	get(t, b, "manifests/13.0", &m)
	want := `application/vnd.oci.image.manifest.v1+json of application/vnd.unknown.artifact.v1, config application/vnd.oci.empty.v1+json
overcloud-full.qcow2 application/octet-stream 400000
ipa.kernel application/x-kernel 6
`
	got := fmt.Sprintf("%s of %s, config %s\n", m.MediaType, m.ArtifactType, m.Config.MediaType)
	for _, l := range m.Layers {
		got += fmt.Sprintln(l.Annotations["org.opencontainers.image.title"], l.MediaType, l.Size)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if w := b.Ask(t, b.Edge, "GET", "/v2/images/overcloud-full/blobs/"+m.Layers[1].Digest); w.Body.String() != "kernel" {
		t.Errorf("the blob is %q", w.Body)
	}
}

// Ironic lists the tags, reads the index that the tag stands for, keeps the manifests of its
// architecture, takes the one whose disktype it likes best, and downloads the first layer of
// an artifact (OciImageService.identify_specific_image in ironic/common/image_service.py).
func TestArtifactForIronic(t *testing.T) {
	b := testbed.NewRegistries(t)
	media(t, b)
	disk := string(standin.QCOW2())
	steptest.PutFile(t, filepath.Join(b.Dir, "overcloud-full.qcow2"), disk)
	steptest.PutFile(t, filepath.Join(b.Dir, "agent.kernel"), strings.Repeat("x", 1024))
	a := carrying(b, toRegistries("edge"))
	a.For = ironic
	a.Files[1].Other = file{File: a.Files[1].Other.File, Disktype: "raw", Architecture: "arm64"}
	apply(t, a)
	var tags struct{ Tags []string }
	get(t, b, "tags/list", &tags)
	if diff := cmp.Diff([]string{"13.0"}, tags.Tags); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var index testManifest
	get(t, b, "manifests/13.0", &index)
	for architecture, want := range map[string]string{"amd64": fmt.Sprint("qcow2 ", len(disk)), "arm64": "raw 1024"} {
		got := ""
		for _, m := range index.Manifests {
			if m.Platform.Architecture == architecture {
				var one testManifest
				get(t, b, "manifests/"+m.Digest, &one)
				if one.ArtifactType == "" || one.Config.MediaType != "application/vnd.oci.empty.v1+json" || len(one.Layers) != 1 {
					t.Errorf("Ironic takes %+v for a container image", one)
				}
				got += fmt.Sprint(m.Annotations["disktype"], " ", one.Layers[0].Size)
			}
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", architecture, got, want)
		}
	}
}

// A disk image that is another kind of file, or that reads other files, is refused.
func TestDiskImagesAreChecked(t *testing.T) {
	b := testbed.NewRegistries(t)
	media(t, b)
	a := carrying(b, toRegistries("edge"))
	a.For, a.Files = ironic, a.Files[:1]
	if _, err := a.Diff(t.Context(), &runner.Disk{}, nil); err == nil || !strings.Contains(err.Error(), "overcloud-full.qcow2: ") {
		t.Errorf("got %v", err)
	}
}

// A file that changes between the diff and the apply is not sent: what was planned was
// another artifact.
func TestFileChangesAfterTheDiff(t *testing.T) {
	b := testbed.NewRegistries(t)
	media(t, b)
	f, err := carrying(b, toRegistries("edge")).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	steptest.PutFile(t, filepath.Join(b.Dir, "agent.kernel"), "KERNEL")
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err == nil {
		t.Error("no error")
	}
	if got := b.HoldsAt(t, testbed.EdgeHost); len(got) > 0 {
		t.Errorf("the registry has %v", got)
	}
}

func TestArtifactValidate(t *testing.T) {
	b := testbed.NewRegistries(t)
	for name, tt := range map[string]struct {
		change func(*artifact)
		want   string
	}{
		"no tag":          {func(a *artifact) { a.Name = "images/x" }, `name: "images/x" is not of the form path:tag`},
		"a digest":        {func(a *artifact) { a.Name += "@sha256:" + strings.Repeat("0", 64) }, "is not of the form path:tag"},
		"no media type":   {func(a *artifact) { a.MediaType = "kernel" }, `media_type: "kernel" is not a media type`},
		"no file":         {func(a *artifact) { a.Files = []plan.TextOr[plan.Path, file]{} }, "files: names no file"},
		"one name twice":  {func(a *artifact) { a.Files[1].Other.Title = "overcloud-full.qcow2" }, "files[1]: two files would be called overcloud-full.qcow2"},
		"a path as title": {func(a *artifact) { a.Files[1].Other.Title = "../x" }, `files[1].title: "../x" is not a plain file name`},
		"no disk image":   {func(a *artifact) { a.For = ironic }, "files[1]: the name ipa.kernel does not say whether it is qcow2 or raw"},
		"two disks for one": {func(a *artifact) {
			a.For = ironic
			a.Files[1].Other.Disktype, a.Files[1].Other.Architecture = "qcow2", "amd64"
		}, "files[1]: a second disk image that is qcow2 for amd64: Ironic would take the first"},
		"no architecture": {func(a *artifact) {
			a.For, a.Files[1].Other.Disktype, a.Files[1].Other.Architecture = ironic, "raw", "amd46"
		}, "there is no architecture amd46"},
		"not for Ironic": {func(a *artifact) { a.Files[1].Other.Disktype = "raw" }, "files[1].disktype: only Ironic reads it"},
		"no registry":    {func(a *artifact) { a.To = toRegistries("nowhere") }, "to: "},
	} {
		t.Run(name, func(t *testing.T) {
			a := carrying(b, toRegistries("edge"))
			tt.change(a)
			if err := a.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func apply(t *testing.T, a *artifact) {
	t.Helper()
	f, err := a.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
}

// A testManifest is a manifest or an index as others read it.
type testManifest struct {
	MediaType, ArtifactType string
	Config                  testDescriptor
	Layers, Manifests       []testDescriptor
}

type testDescriptor struct {
	MediaType, Digest string
	Size              int64
	Annotations       map[string]string
	Platform          struct{ Architecture string }
}

// get reads a JSON document of the artifact's repository at the edge.
func get(t *testing.T, b *testbed.Registries, path string, into any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/v2/images/overcloud-full/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	b.Edge.ServeHTTP(w, r)
	text, err := io.ReadAll(w.Body)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v: %s", path, err, text)
	}
}

// Bytes of a blob that have changed in a layout are found by a verify, also where no pieces are.
func TestArtifactCorruptLayout(t *testing.T) {
	for _, name := range []string{"media", "media.tar"} {
		t.Run(name, func(t *testing.T) {
			b := testbed.NewRegistries(t)
			media(t, b)
			path := filepath.Join(b.Dir, name)
			steptest.Apply(t, carrying(b, toLayout(path)))
			flipped := 0
			err := filepath.Walk(path, func(file string, fi os.FileInfo, err error) error {
				if err != nil || fi.IsDir() {
					return err
				}
				text, err := os.ReadFile(file)
				if at := bytes.Index(text, []byte("diskdiskdisk")); at >= 0 && err == nil {
					text[at+100] ^= 1
					flipped++
					err = os.WriteFile(file, text, 0o600)
				}
				return err
			})
			if err != nil || flipped != 1 {
				t.Fatal(flipped, err)
			}
			if _, err := carrying(b, toLayout(path)).Verify(t.Context(), &runner.Disk{}); err == nil || !strings.Contains(err.Error(), "its bytes have changed") {
				t.Errorf("got %v", err)
			}
		})
	}
}
