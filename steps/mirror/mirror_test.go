package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/internal/destination"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// newMirror copies the images of the bench's list.
func newMirror(b *testbed.Registries) *mirror {
	m := &mirror{To: to("local"), Parallel: 2, out: b.Set}
	m.Images.Text = b.File()
	return m
}

// to is the setting of a mirror that copies to registries.
func to(names ...string) destination.Setting {
	var all destination.Setting
	for _, name := range names {
		all.Items = append(all.Items, destination.One{Text: name})
	}
	return all
}

// keep is the setting of what is done about signatures.
func keep(word keeping) plan.TextOr[keeping, signatureRules] {
	return plan.TextOr[keeping, signatureRules]{Text: word}
}

func TestMirrorLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type((*connections.Set)(nil)), Fresh: func(t *testing.T) *steptest.Fixture {
		b := testbed.NewRegistries(t)
		digest := func(t *testing.T, ref string) string {
			t.Helper()
			d, err := b.Registry().Resolve(t.Context(), testbed.LocalHost+"/"+ref)
			if err != nil {
				t.Fatal(err)
			}
			return d.Digest
		}
		return &steptest.Fixture{
			New:      func() runner.Step { return newMirror(b) },
			Dirs:     []string{b.Dir},
			Snapshot: func() string { return b.Snapshot(t) },
			Close:    b.CloseLocal,
			Secrets:  []string{testbed.RegistryPassword},
			Break: []steptest.Break{
				{Name: "a tag is deleted", Do: func(t *testing.T) {
					b.Remove(t, "/v2/rhosp13/openstack-base/manifests/13.0-40")
				}},
				{Name: "a manifest is deleted", Do: func(t *testing.T) {
					b.Remove(t, "/v2/rhosp13/openstack-nova-api/manifests/"+digest(t, "rhosp13/openstack-nova-api:13.0-40"))
				}},
				{Name: "a blob is deleted", Do: func(t *testing.T) {
					b.Remove(t, "/v2/rhosp13/openstack-nova-api/blobs/"+layer(t, b, "openstack-nova-api"))
				}},
				{Name: "a tag is moved", Do: func(t *testing.T) {
					b.Put(t, "rhosp13/openstack-nova-api:13.0-40", "rhosp13/openstack-nova-compute:13.0-40")
				}},
				{Name: "an image is added to the list", Do: func(t *testing.T) { b.List(t, "base", "nova-api", "nova-compute", "ahead") }},
				{Name: "the list goes away", Do: func(t *testing.T) { steptest.Remove(t, string(b.File())) }},
			},
		}
	}})
}

func TestMirror(t *testing.T) {
	b := testbed.NewRegistries(t)
	f, err := newMirror(b).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Every image has a base of all, a layer of its family (nova has two
	// members), one of its own and its configuration.
	if want := "3 images: 9 blobs ("; !strings.HasPrefix(f.Change.Summary, want) || !strings.HasSuffix(f.Change.Summary, " to pull, 3 mounts") {
		t.Errorf("summary %q, want %s...", f.Change.Summary, want)
	}
	var sum int64
	for _, it := range f.Change.Items {
		sum += it.Bytes
		if it.Op != runner.Create || it.What != "image" || !strings.HasPrefix(it.Name, testbed.LocalHost+"/rhosp13/openstack-") || !strings.HasPrefix(it.Note, "4 blobs, ") {
			t.Errorf("item %+v", it)
		}
	}
	planned := fmt.Sprint(f.Outputs)
	var p steptest.Progress
	if _, err := f.Change.Apply(t.Context(), &p); err != nil {
		t.Fatal(err)
	}
	if p.Bytes != sum || len(p.Items) != 3 {
		t.Errorf("told of %d bytes and %d items, want %d and 3", p.Bytes, len(p.Items), sum)
	}
	var size, mounted int64
	for _, it := range p.Items {
		size, mounted = size+it.Size, mounted+it.Mounted
		if it.Began.IsZero() {
			t.Errorf("%s says not when it began", it.Name)
		}
	}
	if mounted == 0 || size != sum+mounted {
		t.Errorf("of %d bytes %d were moved and %d mounted", size, sum, mounted)
	}
	out, err := newMirror(b).Verify(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(planned, fmt.Sprint(out)); diff != "" {
		t.Errorf("outputs (-planned +found):\n%s", diff)
	}
	for i, name := range []string{"base", "nova-api", "nova-compute"} {
		ref := testbed.LocalHost + "/rhosp13/openstack-" + name + ":13.0-40"
		d, err := b.Registry().Resolve(t.Context(), testbed.UpstreamHost+strings.TrimPrefix(ref, testbed.LocalHost))
		if err != nil {
			t.Fatal(err)
		}
		if got := out["images"].Items()[i]; got != ref+"@"+d.Digest {
			t.Errorf("output %s, want %s", got, ref+"@"+d.Digest)
		}
	}
	if out["count"].String() != "3" {
		t.Errorf("count %s", out["count"])
	}
	again, err := newMirror(b).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil || again.Change != nil || fmt.Sprint(again.Outputs) != planned {
		t.Errorf("the second time: %+v, %v", again, err)
	}
}

func TestMirrorUpdates(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Put(t, "rhosp13/openstack-base:13.0-40", "rhosp13/openstack-base:13.0-40")
	b.Put(t, "rhosp13/openstack-base:13.0-40", "rhosp13/openstack-nova-api:13.0-40")
	f, err := newMirror(b).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, it := range f.Change.Items {
		got = append(got, string(it.Op)+" "+it.Name)
	}
	want := []string{"update " + testbed.LocalHost + "/rhosp13/openstack-nova-api:13.0-40", "create " + testbed.LocalHost + "/rhosp13/openstack-nova-compute:13.0-40"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(f.Change.Summary, "; 1 image unchanged") {
		t.Errorf("summary %q", f.Change.Summary)
	}
}

// prepare's list is there only as planned when a diff is on.
func TestMirrorReadsThePlannedList(t *testing.T) {
	b := testbed.NewRegistries(t)
	m := newMirror(b)
	m.Images.Text = "/planned/images.yaml"
	text := "container_images:\n- imagename: " + testbed.UpstreamHost + "/rhosp13/openstack-base:13.0-40\n"
	w := runner.Planned(&runner.Disk{}, runner.File{
		Path: string(m.Images.Text), Size: int64(len(text)), Mode: 0o644, Sums: map[runner.Algo]string{runner.SHA256: steptest.SHA256(text)},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
	})
	f, err := m.Diff(t.Context(), w, nil)
	if err != nil || len(f.Change.Items) != 1 || f.Change.Items[0].Name != testbed.LocalHost+"/rhosp13/openstack-base:13.0-40" {
		t.Errorf("got %+v, %v", f, err)
	}
	if _, err := m.Inputs(t.Context(), w); err != nil {
		t.Error(err)
	}
}

func TestMirrorAppliesAgain(t *testing.T) {
	b := testbed.NewRegistries(t)
	f, err := newMirror(b).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Before["local"] = testbed.RefuseAll("PUT", "openstack-nova-api/manifests/", http.StatusBadRequest)
	_, err = f.Change.Apply(t.Context(), &steptest.Progress{})
	if err == nil || !strings.Contains(err.Error(), "192.0.2.1:8787/rhosp13/openstack-nova-api:13.0-40: destination: ") || !strings.Contains(err.Error(), "answers 400 Bad Request") {
		t.Fatalf("got %v", err)
	}
	if got := len(b.Holds(t)); got != 2 {
		t.Errorf("%d images are there, want the two others", got)
	}
	b.Before["local"] = nil
	var p steptest.Progress
	if _, err := f.Change.Apply(t.Context(), &p); err != nil {
		t.Fatal(err)
	}
	if p.Bytes != 0 || len(p.Items) != 1 {
		t.Errorf("the second try moved %d bytes and told of %d items", p.Bytes, len(p.Items))
	}
	if _, err := newMirror(b).Verify(t.Context(), &runner.Disk{}); err != nil {
		t.Error(err)
	}
}

func TestMirrorErrors(t *testing.T) {
	entry := func(name, push string) string {
		return "- imagename: " + name + "\n  push_destination: " + push + "\n"
	}
	good := testbed.UpstreamHost + "/rhosp13/openstack-base:13.0-40"
	tests := map[string]struct {
		set        func(t *testing.T, b *testbed.Registries, m *mirror)
		want, hint string
		connection bool
	}{
		"no list": {
			func(t *testing.T, b *testbed.Registries, _ *mirror) { steptest.Remove(t, string(b.File())) },
			"images.yaml: ", "a prepare step writes it", false,
		},
		"another destination": {
			func(t *testing.T, b *testbed.Registries, _ *mirror) {
				b.Write(t, "container_images:\n"+entry(good, "198.51.100.7:5000")+entry(good, "'[::1]:8787/a'"))
			},
			`images.yaml:2: image "` + good + `" is to be pushed to "198.51.100.7:5000", but the step's registry is "192.0.2.1:8787"`,
			"must be the same", false,
		},
		"an image without a tag": {
			func(t *testing.T, b *testbed.Registries, _ *mirror) {
				b.Write(t, "container_images:\n"+entry(testbed.UpstreamHost+"/rhosp13/openstack-base", testbed.LocalHost))
			}, "openstack-base\" has no tag", "", false,
		},
		"an image without a registry": {
			func(t *testing.T, b *testbed.Registries, _ *mirror) {
				b.Write(t, "container_images:\n"+entry("rhosp13/openstack-base:1", testbed.LocalHost))
			}, "does not begin with a registry's host", "", false,
		},
		"tags that are not there": {
			func(t *testing.T, b *testbed.Registries, _ *mirror) { b.List(t, "base", "nope", "bare") },
			"192.0.2.1:8787/rhosp13/openstack-nope:13.0-40: source: registry.access.redhat.com/rhosp13/openstack-nope:13.0-40: not found", "", false,
		},
		"no such connection": {
			func(_ *testing.T, _ *testbed.Registries, m *mirror) { m.To = to("locl") },
			`there is no registry "locl" under connections.registries`, `did you mean`, false,
		},
		"the source is busy": {
			func(_ *testing.T, b *testbed.Registries, _ *mirror) {
				b.Before["upstream"] = func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
			},
			"source: registry.access.redhat.com: the connection was cut", "", true,
		},
		"the password is wrong": {
			func(t *testing.T, b *testbed.Registries, m *mirror) { b.Connect(t, "wrong"); m.out = b.Set },
			`destination: 192.0.2.1:8787 refuses the credentials of user "stack", for 192.0.2.1:8787/rhosp13/openstack-base:13.0-40, 192.0.2.1:8787/rhosp13/openstack-nova-api:13.0-40 and 1 more`,
			"check user and password of the connection with host: 192.0.2.1:8787", false,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := testbed.NewRegistries(t)
			m := newMirror(b)
			tt.set(t, b, m)
			err := steptest.Failure(m.Diff(t.Context(), &runner.Disk{}, nil))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if hint := fault.Hint(err); !strings.Contains(hint, tt.hint) {
				t.Errorf("hint %q, want %q", hint, tt.hint)
			}
			if got := fault.IsConnection(err); got != tt.connection {
				t.Errorf("connection class %v, want %v", got, tt.connection)
			}
			if strings.Contains(fmt.Sprintf("%+v", err), "wrong") {
				t.Errorf("the password is told: %v", err)
			}
		})
	}
}

func TestMirrorSub(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.Write(t, "container_images:\n- imagename: "+testbed.UpstreamHost+"/rhosp13/openstack-base:13.0-40\n  push_destination: "+testbed.LocalHost+"/sub/\n"+
		"- imagename: "+testbed.UpstreamHost+"/rhosp13/openstack-base:13.0-40\n")
	f, err := newMirror(b).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	got := b.Holds(t)
	if len(got) != 2 || got["sub/rhosp13/openstack-base:13.0-40"] == "" || got["rhosp13/openstack-base:13.0-40"] == "" {
		t.Errorf("got %v", got)
	}
}

func TestMirrorVerifyFindsHoles(t *testing.T) {
	b := testbed.NewRegistries(t)
	f, err := newMirror(b).Diff(t.Context(), &runner.Disk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Fatal(err)
	}
	b.Before["local"] = testbed.RefuseReads("openstack-nova-api/blobs/", http.StatusNotFound)
	_, err = newMirror(b).Verify(t.Context(), &runner.Disk{})
	if err == nil || !strings.Contains(err.Error(), "incomplete: 192.0.2.1:8787/rhosp13/openstack-nova-api:13.0-40 lacks blob sha256:") {
		t.Errorf("got %v", err)
	}
	if hint := fault.Hint(err); hint != "apply again: it copies what is missing" {
		t.Errorf("hint %q", hint)
	}
}

func TestMirrorCancelled(t *testing.T) {
	b := testbed.NewRegistries(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newMirror(b).Diff(ctx, &runner.Disk{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
