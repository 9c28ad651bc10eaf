package mirror

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/destination"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

func TestMirrorValidate(t *testing.T) {
	b := testbed.NewRegistries(t)
	for name, tt := range map[string]struct {
		m    mirror
		want string
	}{
		"good":          {mirror{To: to("local"), Parallel: 4}, ""},
		"not known yet": {mirror{Parallel: 4}, ""},
		"unknown":       {mirror{To: to("x"), Parallel: 4}, `no registry "x"`},
		"two":           {mirror{To: to("local", "edge"), Parallel: 4}, ""},
		"one twice":     {mirror{To: to("local", "edge", "local"), Parallel: 4}, "to[2]: the destination is in the list already"},
		"none":          {mirror{To: destination.Setting{Items: []destination.One{}}, Parallel: 4}, "to: the list names no destination"},
		"one unknown":   {mirror{To: to("local", "x"), Parallel: 4}, `to[1]: there is no registry "x"`},
		"unknown yet":   {mirror{To: to("", ""), Parallel: 4}, ""},
		"too many":      {mirror{To: to("local"), Parallel: 65}, "65 is not from 1 to 64"},
		"a layout":      {mirror{To: layoutAt("/media/images"), Parallel: 4, Images: testbed.Inline("oci:/media/a", "oci:/media/a:ns/b:1")}, ""},
		"a packed file": {mirror{To: layoutAt("/media/images.tar.gz"), Parallel: 4}, `to.layout: "/media/images.tar.gz": a layout is a directory or a plain tar archive`},
		"a colon":       {mirror{To: layoutAt("/media/a:b"), Parallel: 4}, "cannot have a colon"},
		"not absolute":  {mirror{To: to("local"), Parallel: 4, Images: testbed.Inline("oci:media")}, `images[0]: "oci:media": the path of a layout must be absolute`},
		"a bare tag":    {mirror{To: to("local"), Parallel: 4, Images: testbed.Inline("oci:/media/a:latest")}, "is not of the form oci:LAYOUT:path:tag"},
		"signatures":    {mirror{To: to("local"), Parallel: 4, Signatures: keep("copied")}, "signatures: "},
		"rename":        {mirror{To: to("local"), Parallel: 4, Rename: imagelist.Renames{{From: "a", To: "b"}, {From: "ab", To: "c"}}}, "rename[1].from: "},
		"an image's name": {
			mirror{To: to("local"), Parallel: 4, Images: testbed.Inline("", "rhosp13/openstack-base:1", testbed.UpstreamHost+"/a")},
			"images[1]: image reference \"rhosp13/openstack-base:1\" does not begin with a registry's host and a slash\nimages[2]: image \"registry.access.redhat.com/a\" has no tag",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tt.m.out = b.Set
			err := tt.m.Validate()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestMirrorInline(t *testing.T) {
	b := testbed.NewRegistries(t)
	d, err := b.Registry().Resolve(t.Context(), testbed.UpstreamHost+"/rhosp13/openstack-ahead:13.0-39")
	if err != nil {
		t.Fatal(err)
	}
	m := newMirror(b)
	m.Images = testbed.Inline(
		testbed.UpstreamHost+"/rhosp13/openstack-base:13.0-40",
		testbed.UpstreamHost+"/rhosp13/openstack-ahead:pinned@"+d.Digest, // the source has no such tag
		testbed.UpstreamHost+"/rhosp13/openstack-bare@"+b.Resolved(t, "bare:latest"),
		testbed.UpstreamHost+"/rhosp13/openstack-base:13.0-40",
	)
	if in, err := m.Inputs(t.Context(), &runner.Disk{}); err != nil || len(in) != 1 || in[0].Digest != testbed.LocalHost {
		t.Errorf("inputs %v, %v", in, err)
	}
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	out, err := m.Verify(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		testbed.LocalHost + "/rhosp13/openstack-base:13.0-40@" + b.Resolved(t, "base:13.0-40"),
		testbed.LocalHost + "/rhosp13/openstack-ahead:pinned@" + d.Digest,
		testbed.LocalHost + "/rhosp13/openstack-bare@" + b.Resolved(t, "bare:latest"),
	}
	if diff := cmp.Diff(want, out["images"].Items()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if f, err = m.Diff(t.Context(), &runner.Disk{}, nil); err != nil || f.Change != nil {
		t.Errorf("the second time: %+v, %v", f, err)
	}
}

func TestMirrorPlainList(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Write(t, "# two of them\n"+testbed.UpstreamHost+"/rhosp13/openstack-base:13.0-40\n"+testbed.UpstreamHost+"/rhosp13/openstack-nova-api:13.0-40 # nova\n")
	f, err := newMirror(b).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || len(f.Change.Items) != 2 {
		t.Errorf("got %+v, %v", f, err)
	}
}

// Of an image for many platforms only those asked for are copied, and its new
// digest is told by the diff and the outputs.
func TestMirrorPlatforms(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Pushable(t)
	index := b.MultiPlatform(t, "many/app:1", "amd64", "ppc64le", "s390x")
	m := newMirror(b)
	m.Images = testbed.Inline(testbed.UpstreamHost+"/many/app:1", testbed.UpstreamHost+"/rhosp13/openstack-base:13.0-40")
	m.Platforms = []string{"linux/amd64", "linux/s390x"}
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	rewritten := f.Outputs["rewritten"].Items()
	if len(rewritten) != 1 || !strings.HasPrefix(rewritten[0], testbed.LocalHost+"/many/app:1@sha256:") || strings.HasSuffix(rewritten[0], index) {
		t.Fatalf("rewritten %v", rewritten)
	}
	_, digest, _ := strings.Cut(rewritten[0], "@")
	want := ", only linux/amd64 linux/s390x of 3 platforms: " + digest + " instead of " + index
	if note := f.Change.Items[0].Note; !strings.HasSuffix(note, want) {
		t.Errorf("note %q, want ...%s", note, want)
	}
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	out, err := m.Verify(t.Context(), &runner.Disk{})
	if err != nil || fmt.Sprint(out) != fmt.Sprint(f.Outputs) {
		t.Errorf("got %v, %v\nwant %v", out, err, f.Outputs)
	}
	m.Platforms = []string{"amd64", ""}
	if err := m.Validate(); err == nil || err.Error() != `platforms[0]: "amd64" is not of the form os/architecture or os/architecture/variant` {
		t.Errorf("got %v", err)
	}
}

func TestMirrorSignatures(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Pushable(t)
	digest := b.MultiPlatform(t, "signed/app:1", "amd64")
	sig := b.MultiPlatform(t, "signed/app:"+strings.Replace(digest, ":", "-", 1)+".sig", "s390x")
	m := Type(b.Set).New().(*mirror)
	m.To, m.Images = to("local"), testbed.Inline(testbed.UpstreamHost+"/signed/app:1")
	if f, err := m.Diff(t.Context(), &runner.Disk{}, nil); err != nil || strings.Contains(f.Change.Items[0].Note, "signature") {
		t.Errorf("without asking for signatures: %+v, %v", f, err)
	}
	m.Signatures = keep("copy")
	f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if note := f.Change.Items[0].Note; !strings.HasSuffix(note, ", with 1 signature or the like") {
		t.Errorf("note %q", note)
	}
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	if got := b.Holds(t)["signed/app:"+strings.Replace(digest, ":", "-", 1)+".sig"]; got != sig {
		t.Errorf("the signature is %q", got)
	}
	m.Signatures = keep("require")
	if f, err := m.Diff(t.Context(), &runner.Disk{}, nil); err != nil || f.Change != nil {
		t.Errorf("required: %+v, %v", f, err)
	}
	m.Images = testbed.Inline(testbed.UpstreamHost+"/rhosp13/openstack-base:13.0-40", testbed.UpstreamHost+"/signed/app:1")
	err = steptest.Failure(m.Diff(t.Context(), &runner.Disk{}, nil))
	if err == nil || !strings.HasSuffix(err.Error(), "source: registry.access.redhat.com/rhosp13/openstack-base:13.0-40: it has no signature") || fault.Hint(err) == "" {
		t.Errorf("got %v", err)
	}
	m.Signatures = keep("ignore")
	if f, err := m.Diff(t.Context(), &runner.Disk{}, nil); err != nil || len(f.Change.Items) != 1 {
		t.Errorf("ignored: %+v, %v", f, err)
	}
}
