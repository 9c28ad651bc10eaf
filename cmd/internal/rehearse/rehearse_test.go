package rehearse

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/plan"
)

// rehearsed rehearses plans and gives what was said.
func rehearsed(t *testing.T, o Options, files ...string) (said string, ok bool, err error) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	var b strings.Builder
	o.Say = func(line string) { b.WriteString(line + "\n") }
	o.Warn = func(warnings plan.Errors) {
		for _, w := range warnings {
			fmt.Fprintf(&b, "warning: %s\n", w.Msg)
		}
	}
	o.Plan.Redactor = redact.New()
	ok, err = Run(t.Context(), files, o)
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("left in the temporary directory: %v", left)
	}
	return b.String(), ok, err
}

// tree gives the files below a directory with their sizes.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		files[path] = fmt.Sprint(fi.Mode(), fi.Size(), fi.ModTime().UnixNano())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Plans with production names, and all examples, are rehearsed without an edit. Nothing of
// their folders changes.
func TestPlans(t *testing.T) {
	const examples = "../../../examples/"
	for name, files := range map[string][]string{
		"an operator's":     {"testdata/operator/bayplan.yaml"},
		"a mirroring one":   {"testdata/mirror/bayplan.yaml"},
		"an air gap":        {"testdata/airgap/outside.yaml", "testdata/airgap/inside.yaml"},
		"one of many sites": {"testdata/sites/bayplan.yaml"},
		"half an air gap":   {"testdata/airgap/inside.yaml"},
		"rhosp13":           {examples + "rhosp13/bayplan.yaml"},
		"quickstart":        {examples + "quickstart/bayplan.yaml"},
		"rhosp17-director":  {examples + "rhosp17-director/bayplan.yaml"},
		"ironic-standalone": {examples + "ironic-standalone/bayplan.yaml"},
		"formats":           {examples + "formats/bayplan.yaml"},
		"selection":         {examples + "selection/bayplan.yaml"},
		"sites":             {examples + "sites/bayplan.yaml"},
		"edge":              {examples + "edge/bayplan.yaml"},
		"airgap":            {examples + "airgap/outside.yaml", examples + "airgap/inside.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Dir(files[0])
			before := tree(t, dir)
			said, ok, err := rehearsed(t, Options{}, files...)
			if err != nil || !ok {
				t.Errorf("%v, %v:\n%s", ok, err, said)
			}
			if strings.Contains(said, "by 0 of") || !strings.Contains(said, "and nothing is wrong") {
				t.Errorf("said:\n%s", said)
			}
			if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
				t.Errorf("%s changed (-before +after):\n%s", dir, diff)
			}
		})
	}
}

// Every plan under examples is rehearsed.
func TestPlansAreComplete(t *testing.T) {
	src, err := os.ReadFile("rehearse_test.go")
	if err != nil {
		t.Fatal(err)
	}
	plans, err := filepath.Glob("../../../examples/*/*.yaml")
	if err != nil || len(plans) < 8 {
		t.Fatal(plans, err)
	}
	for _, file := range plans {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if name := strings.TrimPrefix(file, "../../../examples/"); strings.Contains(string(text), "\nsteps:\n") && !strings.Contains(string(src), `"`+name+`"`) {
			t.Errorf("examples/%s is not rehearsed", name)
		}
	}
}

// A mistake is found, with its place.
func TestMistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		from     string // the folder of a plan
		file     string // of the folder
		old, new string // in that file; "": the file is gone
		want     []string
	}{
		"an image that the catalog lacks": {
			"operator", "bayplan.yaml", "openstack-nova-api:13.0", "openstack-nova-apii:13.0",
			[]string{"bayplan.yaml:107:3: tag: registry.redhat.io/rhosp13/openstack-nova-apii:13.0: not found", "the catalog of rhosp13 has no image rhosp13/openstack-nova-apii; did you mean rhosp13/openstack-nova-api?"},
		},
		"an image of a list that the catalog lacks": {
			"mirror", "lists/tools.txt", "quay.io/skopeo/stable:v1.16.1", "registry.redhat.io/rhosp13/openstack-horizont:13.0",
			[]string{"bayplan.yaml:25:3: base: ", "did you mean rhosp13/openstack-horizon?"},
		},
		"a reference without a tag": {
			"mirror", "lists/tools.txt", "quay.io/skopeo/stable:v1.16.1", "quay.io/skopeo/stable",
			[]string{`tools.txt:2:1: image "quay.io/skopeo/stable" has no tag`},
		},
		"a list of images that is missing": {
			"mirror", "lists/tools.txt", "", "",
			[]string{"bayplan.yaml:33:19: ", "/lists/tools.txt is not there, and no step before makes it"},
		},
		"an environment that is missing": {
			"operator", "environments/site.yaml", "", "",
			[]string{"bayplan.yaml:122:11: ", "/environments/site.yaml is not there", "hint: the plan's folder lacks this environment"},
		},
		"an archive that is missing": {
			"operator", "bayplan.yaml", "/usr/share/rhosp-director-images/overcloud-full-latest-13.0.tar", "archives/full.tar",
			[]string{"/archives/full.tar is not there", "lacks this archive"},
		},
		"a key that is missing": {
			"mirror", "keys/fluxcd.pub", "", "",
			[]string{"bayplan.yaml:57:49: ", "/keys/fluxcd.pub is not there"},
		},
		"a service that no release knows": {
			"operator", "roles_data.yaml", "Services::AodhApi", "Services::AodhApii",
			[]string{"/roles_data.yaml:6:7: no release has a service OS::TripleO::Services::AodhApii"},
		},
		"a filter that finds nothing": {
			"operator", "bayplan.yaml", "      release: rhosp13\n", "      release: rhosp13\n      excludes: [designat]\n",
			[]string{": images: ", `"designat", matches none`},
		},
		"a host with a letter less": {
			"operator", "bayplan.yaml", "upstream: registry.redhat.io", "upstream: registry.redhat.i",
			[]string{"bayplan.yaml:109:20: tag: images come from the registry registry.redhat.i, which has no connection", "did you mean registry.redhat.io?"},
		},
		"a host of a list with two letters changed": {
			"mirror", "lists/tools.txt", "ghcr.io/external", "ghrc.io/external",
			[]string{"/lists/tools.txt:4: base: images come from the registry ghrc.io", "did you mean ghcr.io?"},
		},
		"a step in the wrong order": {
			"operator", "bayplan.yaml", "    needs: [full]\n", "    needs: [dirs]\n",
			[]string{"bayplan.yaml:72:3", `which step "full" makes, but does not come after it`},
		},
		"a push before the check of an empty registry": {
			"operator", "bayplan.yaml", "    needs: [answers]\n", "    needs: [boot]\n",
			[]string{"nothing is wrong"}, // the check holds before and after
		},
		"a check of what no step has pushed": {
			"operator", "bayplan.yaml", `expect: "${steps.mirror.images}", deep: true`, `expect: ["registry.redhat.io/rhosp13/openstack-aodh-api:99"]`,
			[]string{"bayplan.yaml:134:3: catalog: ", "missing: repository satellite.dc2.bank.example:5000/rhosp13/openstack-aodh-api"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", tt.from))); err != nil {
				t.Fatal(err)
			}
			change(t, filepath.Join(dir, tt.file), tt.old, tt.new)
			said, ok, err := rehearsed(t, Options{}, filepath.Join(dir, "bayplan.yaml"))
			if err != nil {
				said += err.Error()
			}
			if wrong := !strings.Contains(tt.want[0], "nothing is wrong"); ok == wrong {
				t.Errorf("ok is %v", ok)
			}
			for _, want := range tt.want {
				if !strings.Contains(said, want) {
					t.Errorf("said:\n%s\nwant %s", said, want)
				}
			}
			if strings.Contains(said, "bayplan-rehearse-") {
				t.Errorf("the root is said:\n%s", said)
			}
		})
	}
}

// change replaces text of a file, or removes the file.
func change(t *testing.T, file, old, text string) {
	t.Helper()
	if old == "" {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(b), old) {
		t.Fatalf("%s does not have %q: %v", file, old, err)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(b), old, text)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The world is kept where a directory for it is named, and a directory that has something
// is refused.
func TestKeep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "world")
	said, ok, err := rehearsed(t, Options{Keep: dir}, "testdata/airgap/outside.yaml", "testdata/airgap/inside.yaml")
	if err != nil || !ok || !strings.Contains(said, "kept: "+dir) {
		t.Fatalf("%v, %v:\n%s", ok, err, said)
	}
	for _, name := range []string{"host/srv/export/plant7/images.tar", "registries/registry.plant7.local:5000/openstack.kolla/keystone/index.json", "clouds/plant7/images", "state/2-plant7-inside/state.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := rehearsed(t, Options{Keep: dir}, "testdata/airgap/outside.yaml"); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a second time: %v", err)
	}
}
