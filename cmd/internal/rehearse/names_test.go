package rehearse

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
)

// A misspelt path is found where another step makes the file, its directory, or an archive that
// it comes from.
func TestMisspeltPaths(t *testing.T) {
	plan := func(steps string) map[string]string { return map[string]string{"bayplan.yaml": "steps:\n" + steps} }
	const dirs = "  d: { type: mkdir, with: { paths: [/home/stack/images] } }\n"
	place := func(needs, file string) string {
		return "  g: { type: place, needs: [" + needs + "], with: { files: [" + file + "], into: /httpboot } }\n"
	}
	fetch := func(to string) string {
		return `  f: { type: fetch, needs: [d], with: { url: "https://x.example/agent.kernel", to: ` + to + " } }\n"
	}
	untar := func(expect string) string {
		return "  u: { type: untar, with: { archive: /opt/a.tar, into: /srv/out, expect: [" + expect + "] } }\n"
	}
	for name, tt := range map[string]trial{
		"a file": {files: plan(dirs + fetch("/home/stack/images/agent.kernel") + place("f", "/home/stack/images/agent.kernel"))},
		"a misspelt file": {
			files: plan(dirs + fetch("/home/stack/images/agent.kernel") + place("f", "/home/stack/images/agent.karnel")),
			want:  []string{`bayplan.yaml:6:49: /home/stack/images/agent.karnel: no step makes it, and step "f" makes /home/stack/images/agent.kernel`, "did you mean /home/stack/images/agent.kernel?"},
		},
		"a misspelt directory of a file": {
			files: plan(dirs + fetch("/home/stack/imagse/agent.kernel") + place("f", "/home/stack/images/agent.kernel")),
			want:  []string{`bayplan.yaml:5:84: /home/stack/imagse: no step makes the directory, and step "d" makes /home/stack/images`, `bayplan.yaml:6:49: /home/stack/images/agent.kernel: no step makes it`},
		},
		"a file that no step puts into a directory": {
			files: plan(dirs + fetch("/srv/agent.kernel") + place("f", "/home/stack/images/agent.kernel")),
			want:  []string{`bayplan.yaml:6:49: /home/stack/images/agent.kernel: no step makes it, and step "d" makes its directory; step "f" makes /srv/agent.kernel`},
		},
		"an environment in such a directory": {
			files: plan("  d: { type: mkdir, with: { paths: [/home/stack/templates] } }\n" +
				`  p: { type: prepare, needs: [d], with: { release: rhosp13, namespace: registry.access.redhat.com/rhosp13, prefix: openstack-, tag: "13.0", environments: [/home/stack/templates/site.yaml], env_file: /home/stack/templates/e.yaml } }` + "\n"),
			want: []string{"nothing is wrong", `/home/stack/templates/site.yaml: no step makes it, and step "d" makes its directory: it has to be there before`},
		},
		"a file that is there": {files: plan(dirs + place("d", "/srv/other/agent.kernel"))},
		"a boot script": {files: plan("  d: { type: mkdir, with: { paths: [/httpboot] } }\n" + place("d", "/srv/agent.kernel, /srv/agent.ramdisk") +
			"  v: { type: verify-http-boot, needs: [g], with: { dir: /httpboot, files: [/srv/agent.kernel], script: inspector.ipxe } }\n")},
		"a member": {files: plan(untar("agent.kernel, agent.initramfs") + place("u", "/srv/out/agent.kernel"))},
		"a misspelt member": {
			files: plan(untar("agent.kernel, agent.initramfs") + place("u", "/srv/out/agent.kernl")),
			want:  []string{`bayplan.yaml:5:49: agent.kernl comes out of what step "u" unpacks, and that step expects agent.kernel there`, "one of the two names is misspelt"},
		},
		"a misspelt expected member": {
			files: plan(untar("agent.kernl, agent.initramfs") + place("u", "/srv/out/agent.kernel")),
			want:  []string{`bayplan.yaml:5:49: agent.kernel comes out of what step "u" unpacks, and that step expects agent.kernl there`},
		},
		"a member that is not expected": {files: plan(untar("agent.kernel") + place("u", "/srv/out/other.raw"))},
		"a platform": {
			files: plan(`  m: { type: mirror, with: { images: ["quay.io/a/b:1"], to: r.example.com, platforms: [linux/amd46] } }` + "\n"),
			want:  []string{"bayplan.yaml:4:88: ", "there is no architecture amd46"},
		},
		"a tag of no build": {
			files: plan(`  m: { type: mirror, with: { images: ["registry.access.redhat.com/rhosp13/openstack-nova-api:99.0"], to: r.example.com } }` + "\n"),
			want:  []string{"bayplan.yaml:4:3: m: ", "no tag 99.0 in the catalog of rhosp13; its tags begin with 13.0"},
		},
		"tags enough": {
			files: plan(`  m: { type: mirror, with: { images: [{ from: docker.io/library/alpine, tags: { match: "3[.][0-9]+", at_least: 50 } }], to: r.example.com } }` + "\n"),
		},
		"an archive that a plan fetches and the next one unpacks": {
			files: map[string]string{
				"1.yaml": planHead + `steps: { a: { type: fetch, with: { url: "https://x.example/a.tar", to: a.tar } } }`,
				"2.yaml": planHead + `steps: { a: { type: untar, with: { archive: /media/usb/a.tar, into: o, expect: [k.kernel] } }, b: { type: place, needs: [a], with: { files: [o/k.kernel, o/k.initramfs], into: /httpboot } } }`,
			},
			plans: []string{"1.yaml", "2.yaml"}, want: []string{"nothing is wrong", "carried: /media/usb/a.tar from "},
		},
		"the first of two plans": {
			files: map[string]string{
				"1.yaml": planHead + `steps: { m: { type: mirror, with: { images: none.txt, to: r.example.com } } }`,
				"2.yaml": planHead + `steps: { a: { type: mkdir, with: { paths: [o] } } }`,
			},
			plans: []string{"1.yaml", "2.yaml"}, want: []string{"1.yaml:3:45: ", "2.yaml: not rehearsed, since a plan before it is wrong", "rehearsed: 1 of 2 plans"},
		},
	} {
		t.Run(name, tt.run)
	}
}

// A problem has its place, whatever the name of the file is.
func TestPlaceOfProblem(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"list:12":      "quay.io/a/b:1\nquayy.io/a/c:1\n",
		"bayplan.yaml": planHead + "steps: { m: { type: mirror, with: { to: r.example.com, images: \"list:12\" } } }\n",
	} {
		if err := write(filepath.Join(dir, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	var found plan.Errors
	said, ok, err := rehearsed(t, Options{Found: func(e *plan.Error) { found = append(found, e) }}, filepath.Join(dir, "bayplan.yaml"))
	list := filepath.Join(dir, "list:12")
	if ok || err != nil || len(found) != 1 || found[0].File != list || found[0].Pos != (plan.Pos{Line: 2}) || !strings.Contains(said, list+":2: ") {
		t.Errorf("%v, %v, %v:\n%s", ok, err, found, said)
	}
}
