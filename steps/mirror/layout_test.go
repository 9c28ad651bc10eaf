package mirror

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/minisign"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/destination"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

func layoutAt(dir string) destination.Setting {
	return destination.Setting{Items: []destination.One{{Other: destination.Layout{Layout: plan.Path(dir)}}}}
}

// Images are carried to another site in a layout: the first plan fills it
// where the source is, the second empties it where the destination is.
func TestMirrorLayout(t *testing.T) {
	for name, file := range map[string]string{"directory": "media", "archive": "media.tar"} {
		t.Run(name, func(t *testing.T) { testMirrorLayout(t, filepath.Join(t.TempDir(), file)) })
	}
}

func testMirrorLayout(t *testing.T, dir string) {
	b := testbed.NewRegistries(t)
	b.Write(t, "container_images:\n- imagename: "+testbed.UpstreamHost+"/rhosp13/openstack-base:13.0-40\n  push_destination: "+testbed.LocalHost+"/sub\n"+
		"- imagename: "+testbed.UpstreamHost+"/rhosp13/openstack-nova-api:13.0-40\n")
	out := newMirror(b)
	out.To, out.Rename = layoutAt(dir), imagelist.Renames{{From: "rhosp13/openstack-nova", To: "nova/nova"}}
	f, err := out.Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, it := range f.Change.Items {
		names = append(names, it.Name)
	}
	if diff := cmp.Diff([]string{"oci:" + dir + ":sub/rhosp13/openstack-base:13.0-40", "oci:" + dir + ":nova/nova-api:13.0-40"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Verify(t.Context(), &runner.Disk{}); err != nil {
		t.Fatal(err)
	}
	if f, err = out.Diff(t.Context(), &runner.Disk{}, nil); err != nil || f.Change != nil {
		t.Errorf("the second time: %+v, %v", f, err)
	}

	b.Before["upstream"] = func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
	in := newMirror(b)
	in.Images = testbed.Inline("oci:" + dir)
	if inputs, err := in.Inputs(t.Context(), &runner.Disk{}); err != nil || len(inputs) != 2 || inputs[1].Name != "layout "+dir {
		t.Errorf("inputs %v, %v", inputs, err)
	}
	if f, err = in.Diff(t.Context(), &runner.Disk{}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	found, err := in.Verify(t.Context(), &runner.Disk{})
	if err != nil || fmt.Sprint(found) != fmt.Sprint(f.Outputs) {
		t.Errorf("got %v, %v\nwant %v", found, err, f.Outputs)
	}
	got := b.Holds(t)
	if len(got) != 2 || got["sub/rhosp13/openstack-base:13.0-40"] == "" || got["nova/nova-api:13.0-40"] == "" {
		t.Errorf("got %v", got)
	}
	in.Images = testbed.Inline("oci:" + dir + ":nova/nova-api:13.0-40")
	if f, err := in.Diff(t.Context(), &runner.Disk{}, nil); err != nil || f.Change != nil || len(f.Outputs["images"].Items()) != 1 {
		t.Errorf("one of them: %+v, %v", f, err)
	}
	dir = filepath.Join(filepath.Dir(dir), "none"+filepath.Ext(dir))
	in.Images = testbed.Inline("oci:" + dir)
	_, missing := in.Inputs(t.Context(), &runner.Disk{})
	_, err = in.Diff(t.Context(), &runner.Disk{}, nil)
	for _, err := range []error{missing, err} {
		if err == nil || err.Error() != "images[0]: "+dir+": there is no layout" || !strings.Contains(fault.Hint(err), "makes one") {
			t.Errorf("got %v (%s)", err, fault.Hint(err))
		}
	}
}

func TestMirrorToLayoutLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type((*connections.Set)(nil)), Fresh: func(t *testing.T) *steptest.Fixture {
		b := testbed.NewRegistries(t)
		dir := filepath.Join(b.Dir, "media")
		return &steptest.Fixture{
			New:  func() runner.Step { m := newMirror(b); m.To = layoutAt(dir); return m },
			Dirs: []string{b.Dir},
			Break: []steptest.Break{
				{Name: "the index is lost", Do: func(t *testing.T) { steptest.Remove(t, filepath.Join(dir, "index.json")) }},
				{Name: "a manifest is lost", Do: func(t *testing.T) {
					steptest.Remove(t, filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(b.Resolved(t, "base:13.0-40"), "sha256:")))
				}},
				{Name: "an image is added to the list", Do: func(t *testing.T) { b.List(t, "base", "nova-api", "nova-compute", "ahead") }},
			},
		}
	}})
}

func TestMirrorToArchiveLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type((*connections.Set)(nil)), Fresh: func(t *testing.T) *steptest.Fixture {
		b := testbed.NewRegistries(t)
		path := filepath.Join(b.Dir, "media.tar")
		return &steptest.Fixture{
			New:  func() runner.Step { m := newMirror(b); m.To = layoutAt(path); return m },
			Dirs: []string{b.Dir},
			Break: []steptest.Break{
				{Name: "the archive is lost", Do: func(t *testing.T) { steptest.Remove(t, path) }},
				{Name: "an image is added to the list", Do: func(t *testing.T) { b.List(t, "base", "nova-api", "nova-compute", "ahead") }},
			},
		}
	}})
}

// An archive in pieces that is signed keeps the laws, too.
func TestMirrorToPiecesLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type((*connections.Set)(nil)), Fresh: func(t *testing.T) *steptest.Fixture {
		b := testbed.NewRegistries(t)
		path, keys := filepath.Join(b.Dir, "media.tar"), t.TempDir()
		_, secret, err := minisign.Generate(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key := filepath.Join(keys, "site.key")
		steptest.PutFile(t, key, string(secret))
		if err := os.Chmod(key, 0o600); err != nil {
			t.Fatal(err)
		}
		to := layoutAt(path)
		to.Items[0].Other.Split, to.Items[0].Other.Sign.Key = "64KiB", plan.Path(key)
		return &steptest.Fixture{
			New:  func() runner.Step { m := newMirror(b); m.To = to; return m },
			Dirs: []string{b.Dir},
			Break: []steptest.Break{
				{Name: "the table is lost", Do: func(t *testing.T) { steptest.Remove(t, path+".pieces") }},
				{Name: "the signature is lost", Do: func(t *testing.T) { steptest.Remove(t, path+".pieces.minisig") }},
				{Name: "an image is added to the list", Do: func(t *testing.T) { b.List(t, "base", "nova-api", "nova-compute", "ahead") }},
			},
		}
	}})
}
