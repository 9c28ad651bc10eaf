package tripleo

import (
	"bytes"
	"io"
	"io/fs"
	"strings"
	"testing"
)

// What stands in for the files of a release selects images as real ones do.
func TestSampleFiles(t *testing.T) {
	for _, release := range []string{"rhosp13", "queens", "rhosp16.2", "train", "rhosp17.1", "wallaby"} {
		files := map[string][]byte{}
		put := func(name string, b []byte, err error) {
			if err != nil {
				t.Fatal(err)
			}
			files[name] = b
		}
		roles, err := SampleRoles(release)
		put("/roles.yaml", roles, err)
		for _, name := range []string{"/docker.yaml", "/neutron-ovn-dvr-ha.yaml", "/network.yaml"} {
			env, err := SampleEnvironment(release, name)
			put(name, env, err)
		}
		template, err := SampleTemplate(release)
		put("/images.j2", template, err)
		tree, err := SampleTree(release)
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range tree {
			files["/tree/"+name] = b
		}
		open := func(path string) (io.ReadCloser, error) {
			b, ok := files[path]
			if !ok {
				return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
			}
			return io.NopCloser(bytes.NewReader(b)), nil
		}
		envs := []string{"/docker.yaml", "/neutron-ovn-dvr-ha.yaml", "/network.yaml"}
		for what, req := range map[string]Request{
			"files":    {Release: release, RolesFile: "/roles.yaml", Environments: envs},
			"tree":     {Release: release, Tree: "/tree", Environments: envs},
			"template": {Release: release, RolesFile: "/roles.yaml", Template: "/images.j2", Environments: envs},
		} {
			got, err := Select(req, open)
			if err != nil {
				t.Errorf("%s, %s: %v", release, what, err)
				continue
			}
			ovn := false
			for _, image := range got.Images {
				ovn = ovn || strings.Contains(image.Name, "ovn")
			}
			if len(got.Images) < 20 || !ovn {
				t.Errorf("%s, %s: %d images, with ovn: %v; %v", release, what, len(got.Images), ovn, got.Notes)
			}
		}
	}
}
