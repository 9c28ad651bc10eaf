package tripleo_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/tripleo"
)

func TestNotes(t *testing.T) {
	f := containers("Keystone")
	f["/list.yaml"] = list("  - includes: [keystone, kestone]\n    excludes: [nova]\n  - excludes: [keystone]\n    set: {tag: x}\n    tag_from_label: version\n")
	filtered := itsRoles()
	tests := []struct {
		name string
		req  tripleo.Request
		want []string
	}{
		{"none", filtered, nil},
		{"no environment", tripleo.Request{}, []string{"there is no environment, so all 88 images are taken, whatever runs"}},
		{"no roles", tripleo.Request{Release: "wallaby", Environments: []string{"/e.yaml"}}, []string{"there is no roles file, so all 93 images are taken, whatever runs"}},
		{
			"expressions that find nothing",
			tripleo.Request{Environments: filtered.Environments, RolesFile: filtered.RolesFile, Excludes: regexps("keystone", "nova", "noav")},
			[]string{`excludes[2], "noav", does not match the name of any image`},
		},
		{
			"a list for a release that is too early",
			tripleo.Request{RolesFile: filtered.RolesFile, Environments: []string{"/e.yaml", "/list.yaml"}},
			[]string{"/list.yaml:3: ContainerImagePrepare is not read by release queens"},
		},
		{
			"a list",
			tripleo.Request{Release: "train", RolesFile: filtered.RolesFile, Environments: []string{"/list.yaml"}},
			[]string{
				`/list.yaml:3: ContainerImagePrepare: includes[1], "kestone", does not match the name of any image`,
				"/list.yaml:3: ContainerImagePrepare: excludes have no effect beside includes",
				`/list.yaml:5: ContainerImagePrepare: tag is set, so tag_from_label, "version", has no effect`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, selectFrom(t, f, tt.req).Notes); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}
