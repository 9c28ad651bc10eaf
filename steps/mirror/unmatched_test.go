package mirror

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// A rule of rename and a repository of prune for which there is nothing are told, those
// that have something to do are not.
func TestMirrorUnmatchedNotes(t *testing.T) {
	b := testbed.NewRegistries(t)
	b.List(t, "base")
	b.Put(t, "rhosp13/openstack-bare:latest", "other/thing:1")
	for name, tt := range map[string]struct {
		rename imagelist.Renames
		prune  *pruneRule
		layout bool
		want   []string
	}{
		"nothing":                    {},
		"all match":                  {rename: imagelist.Renames{{From: "rhosp13/openstack-", To: "osp/"}}, prune: &pruneRule{Repositories: []string{"other/*", "other/thing", "osp/*"}}},
		"a rule":                     {rename: imagelist.Renames{{From: "rhosp14/", To: ""}, {From: "rhosp13/", To: ""}}, want: []string{`rename: no image's name begins with "rhosp14/"`}},
		"two rules":                  {rename: imagelist.Renames{{From: "a/", To: ""}, {From: "b/", To: ""}}, want: []string{`rename: no image's name begins with "a/"`, `rename: no image's name begins with "b/"`}},
		"a pattern":                  {prune: &pruneRule{Repositories: []string{"othr/*", "other/t?ing"}}, want: []string{`prune.repositories: "othr/*" matches no repository`}},
		"a name":                     {prune: &pruneRule{Repositories: []string{"other/things"}}, want: []string{`prune.repositories: "other/things" matches no repository`}},
		"the list's own, not copied": {prune: &pruneRule{Repositories: []string{"rhosp13/*", "rhosp13/openstack-base"}}},
		"a pattern in a layout":      {layout: true, prune: &pruneRule{Repositories: []string{"rhosp13/*", "none/*"}}, want: []string{`prune.repositories: "none/*" matches no repository`}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMirror(b)
			m.Rename, m.Prune = tt.rename, tt.prune
			if tt.layout {
				m.To = layoutAt(filepath.Join(t.TempDir(), "media"))
			}
			f, err := m.Diff(t.Context(), &runner.Disk{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, f.Notes); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}
