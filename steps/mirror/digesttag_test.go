package mirror

import (
	"path/filepath"
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

// Images that a list names by a digest alone get a tag, at a registry and in layouts,
// whether the list is in the plan or in a file.
func TestMirrorTagForDigests(t *testing.T) {
	dir := t.TempDir()
	for name, to := range map[string]destination.Setting{
		"registry": to("local"), "directory": layoutAt(filepath.Join(dir, "media")), "archive": layoutAt(filepath.Join(dir, "media.tar")),
	} {
		t.Run(name, func(t *testing.T) {
			b := testbed.NewRegistries(t)
			base, api := b.Resolved(t, "base:13.0-40"), b.Resolved(t, "nova-api:13.0-40")
			source := testbed.UpstreamHost + "/rhosp13/openstack-"
			b.Write(t, source+"base@"+base+"\n"+source+"nova-api:mine@"+api+"\n"+source+"nova-compute:13.0-40\n")
			for _, inline := range []bool{false, true} {
				m := newMirror(b)
				m.To, m.Rename, m.TagForDigests = to, imagelist.Renames{{From: "rhosp13/"}}, "{digest:12}"
				if inline {
					m.Images = testbed.Inline(source+"base@"+base, source+"nova-api:mine@"+api, source+"nova-compute:13.0-40")
				}
				f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, image := range f.Outputs["images"].Items() {
					name, _, _ := strings.Cut(image, "@")
					got = append(got, name[strings.LastIndex(name, "openstack-"):])
				}
				want := []string{"openstack-base:" + base[len("sha256:"):][:12], "openstack-nova-api:mine", "openstack-nova-compute:13.0-40"}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("inline %t (-want +got):\n%s", inline, diff)
				}
				if f.Change == nil { // the file's list has brought them
					continue
				}
				if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
					t.Fatal(err)
				}
				if _, err := m.Verify(t.Context(), &runner.Disk{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Without the setting a layout refuses such an image and says what to write; two images
// cannot have one tag.
func TestMirrorDigestsWithoutTag(t *testing.T) {
	b := testbed.NewRegistries(t)
	base, api := b.Resolved(t, "base:13.0-40"), b.Resolved(t, "nova-api:13.0-40")
	source := testbed.UpstreamHost + "/rhosp13/openstack-"
	m := newMirror(b)
	m.To, m.Images = layoutAt(filepath.Join(t.TempDir(), "media")), testbed.Inline(source+"base@"+base)
	err := steptest.Failure(m.Diff(t.Context(), &runner.Disk{}, nil))
	if err == nil || !strings.Contains(err.Error(), "has no tag, which it needs in a layout") || !strings.Contains(fault.Hint(err), `write tag_for_digests: "{digest:12}" in the step, or the tag before the digest: `+source+"base:TAG@"+base) {
		t.Errorf("got %v (%s)", err, fault.Hint(err))
	}
	m.Rename = imagelist.Renames{{From: "rhosp13/openstack-base", To: "one"}, {From: "rhosp13/openstack-nova-api", To: "one"}}
	m.TagForDigests, m.Images = "pinned", testbed.Inline(source+"base@"+base, source+"nova-api@"+api)
	if err := steptest.Failure(m.Diff(t.Context(), &runner.Disk{}, nil)); err == nil || !strings.Contains(err.Error(), "are to be there") {
		t.Errorf("two images under one tag: %v", err)
	}
	m.TagForDigests = "{digest}:x"
	if err := m.Validate(); err == nil || !strings.Contains(err.Error(), "tag_for_digests: ") {
		t.Errorf("got %v", err)
	}
}
