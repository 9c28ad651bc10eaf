package tripleo_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bayplan/bayplan/internal/tripleo"
)

// templateOf writes a release's table as a template such as hosts have: with
// variables in the names, and an if around each entry that depends on a variable.
func templateOf(t *testing.T, table string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("data", table+"-catalog.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("{# which images there are #}\ncontainer_images_template:\n")
	last, open := "", ""
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")[1:] {
		f := strings.Split(line, "\t")
		if id := fmt.Sprint(f[0], f[1], f[6:9]); id != last {
			last = id
			if when := condition(f[7], f[8]); when != open {
				b.WriteString(closing(open) + opening(when))
				open = when
			}
			b.WriteString(templateEntry(f))
		} else {
			s := b.String() // a second parameter of the entry before
			b.Reset()
			at := strings.LastIndex(s, "  services:\n")
			b.WriteString(s[:at] + "  - " + f[5] + "\n" + s[at:])
		}
	}
	b.WriteString(closing(open))
	return b.String()
}

func templateEntry(f []string) string {
	braces := func(variable string) string {
		if variable == "" {
			return ""
		}
		return "{{" + variable + "}}"
	}
	base := f[0]
	if strings.HasPrefix(base, "{") {
		base = "{" + base + "}"
	}
	text := fmt.Sprintf("- imagename: \"%s/%s%s%s:%s\"\n", braces(f[1]), braces(f[2]), base, braces(f[3]), braces(f[4]))
	if f[9] != "" {
		text += "  image_source: " + f[9] + "\n"
	}
	if f[5] != "" {
		text += "  params:\n  - " + f[5] + "\n"
	}
	if f[6] != "" {
		text += "  services:\n  - " + strings.ReplaceAll(f[6], ",", "\n  - ") + "\n"
	}
	return text + "\n"
}

func condition(driver, other string) string {
	switch {
	case driver == "other":
		return `neutron_driver != "odl" and neutron_driver != 'ovn'`
	case driver != "":
		return `neutron_driver == "` + driver + `"`
	case strings.HasSuffix(other, " defined"):
		return strings.Replace(other, " ", " is ", 1)
	case strings.HasSuffix(other, "=false"):
		return "not " + strings.TrimSuffix(other, "=false")
	case strings.HasSuffix(other, "=true"):
		return strings.TrimSuffix(other, "=true")
	case other != "":
		return strings.Replace(other, "=", " == '", 1) + "'"
	}
	return ""
}

func opening(when string) string {
	if when == "" {
		return ""
	}
	return "{% if " + when + " %}\n"
}

func closing(when string) string {
	if when == "" {
		return ""
	}
	return "{% endif %}\n"
}

// A template selects the same images as the built-in catalog of its release.
func TestLargeTemplateIsItsCatalog(t *testing.T) {
	roles := "- name: All\n  CountDefault: 1\n  ServicesDefault:\n"
	for _, service := range []string{"NovaApi", "NeutronApi", "OVNController", "OVNDBs", "OpenDaylightApi", "CephMon", "CephGrafana", "HAproxy", "Keystone", "FluentdClient"} {
		roles += "  - OS::TripleO::Services::" + service + "\n"
	}
	f := files{
		"/roles.yaml": roles,
		"/e/env.yaml": env("NovaApi: ../docker/services/a.yaml", "NeutronApi: ../docker/services/a.yaml", "CephMon: ../docker/services/a.yaml", "HAproxy: ../docker/services/a.yaml", "Keystone: OS::Heat::None"),
	}
	for table, releases := range map[string][]string{"queens": {"queens", "rhosp13"}, "train": {"train", "rhosp16.2"}, "wallaby": {"wallaby", "rhosp17.1"}} {
		f["/"+table+".j2"] = templateOf(t, table)
		for _, release := range releases {
			for name, req := range templateRequests(release) {
				t.Run(release+" "+name, func(t *testing.T) {
					if strings.HasPrefix(name, "filtered") {
						req.RolesFile, req.Environments = "/roles.yaml", []string{"/e/env.yaml"}
					}
					want := selectFrom(t, f, req)
					req.Template = "/" + table + ".j2"
					got := selectFrom(t, f, req)
					if len(want.Images) < 2 {
						t.Errorf("%d images: nothing is compared", len(want.Images))
					}
					if diff := cmp.Diff(want.Images, got.Images, cmpopts.IgnoreFields(tripleo.Image{}, "Basename")); diff != "" {
						t.Errorf("images (-built in +template):\n%s", diff)
					}
				})
			}
		}
	}
}

func templateRequests(release string) map[string]tripleo.Request {
	ceph := map[string]string{"ceph_namespace": "h:1/rhceph", "ceph_image": "rhceph-3-rhel7", "ceph_tag": "3"}
	all := map[string]tripleo.Request{
		"defaults":          {},
		"filtered defaults": {},
		"ovn":               {NeutronDriver: "ovn", Namespace: "h:1/ns", Prefix: "p", Suffix: "s", Tag: "16.10"},
		"odl":               {NeutronDriver: "odl", TagFromLabel: "version"},
		"other":             {NeutronDriver: "other"},
		"filtered ovn":      {NeutronDriver: "ovn", Set: ceph, PushDestination: "h:2"},
		"no prefix":         {Set: map[string]string{"name_prefix": ""}},
	}
	if known, _ := tripleo.Variables(release); strings.Contains(fmt.Sprint(known), "rhel_containers") {
		all["no Ceph"] = tripleo.Request{Set: map[string]string{"ceph_images": "false"}}
		all["RHEL"] = tripleo.Request{Set: map[string]string{"rhel_containers": "true"}}
		all["not RHEL"] = tripleo.Request{Set: map[string]string{"rhel_containers": "False"}}
	} else {
		all["stdout"] = tripleo.Request{Set: map[string]string{"logging": "stdout"}}
	}
	if known, _ := tripleo.Variables(release); strings.Contains(fmt.Sprint(known), "namespace_stein") {
		stein := map[string]string{"namespace_stein": "h:1/stein", "tag_stein": "s", "name_prefix_stein": "x-"}
		all["Stein"] = tripleo.Request{Set: stein}
		ceph3 := map[string]string{"ceph3_namespace": "h:1/c", "ceph3_image": "three", "ceph3_tag": "3"}
		maps.Copy(ceph3, stein)
		all["filtered Ceph 3 and Stein"] = tripleo.Request{Set: ceph3}
	}
	for name, req := range all {
		req.Release = release
		all[name] = req
	}
	return all
}

func TestTemplateOfItsOwn(t *testing.T) {
	f := files{"/t.j2": `container_images_template:
- imagename: "{{namespace}}/{{name_prefix}}one{{name_suffix}}:{{tag}}"
  neutron_driver: ovn
- imagename: "{{namespace}}/{{name_prefix}}two{{name_suffix}}:{{tag}}"
  neutron_driver: default
  uploader: docker
- imagename: "{{mine}}/three:{{tag|default('x')}}-{{ tag_of_mine }}"
  params: [A, B]
- imagename: "h:5000/four"
  params:
`}
	s := selectFrom(t, f, tripleo.Request{Release: "queens", Template: "/t.j2", Namespace: "h/n", Tag: "1", Set: map[string]string{"mine": "h/mine", "tag_of_mine": "2"}, Excludes: regexps("four")})
	want := []tripleo.Image{
		{Name: "h/n/centos-binary-two", Tag: "1", Basename: "two"},
		{Name: "h/mine/three", Tag: "1-2", Basename: "three", Params: []string{"A", "B"}},
	}
	if diff := cmp.Diff(want, s.Images); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}

func TestTemplateErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"an unknown statement", "a:\n{% fi x %}\n", "template file /t.j2"},
		{"an inclusion", "a:\n{% include 'b' %}\n", `template file /t.j2:2: the statement "include" is not supported`},
		{"not YAML", "container_images_template: [\n", "template file /t.j2:1: this [ is never closed (counted in what it renders to)"},
		{"no list", "images: []\n", "template file /t.j2:1: container_images_template: a list is wanted"},
		{"nothing", "{% if x %}a{% endif %}", "container_images_template: a list is wanted"},
		{"an entry that is a text", "container_images_template:\n- a\n", "/t.j2:2: container_images_template: entry 1: a mapping is wanted: this is a single value"},
		{"no name", "container_images_template:\n- params: [a]\n", "/t.j2:2: container_images_template: entry 1: imagename: it is missing"},
		{"an unknown key", "container_images_template:\n- imagename: a/b:c\n  parms: [a]\n", `/t.j2:3: container_images_template: entry 1: parms: unknown key "parms"; known are imagename, params`},
		{"parameters that are no list", "container_images_template:\n- imagename: a/b:c\n  params: a\n", "entry 1: params: a list is wanted, this is a single value"},
		{"a service that is a list", "container_images_template:\n- imagename: a/b:c\n  services: [[a]]\n", "entry 1: services: item 1: a single value is wanted, this is a list"},
		{"no tag", "container_images_template:\n- imagename: h:5000/b\n", `template file /t.j2:2: container_images_template: imagename: image b would be called "h:5000/b:", which is not an image reference`},
		{"no image", "container_images_template:\n- imagename: '{{nothing}}/b:c'\n", `image b would be called "/b:c", which is not an image reference`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tripleo.Select(tripleo.Request{Release: "train", Template: "/t.j2"}, files{"/t.j2": tt.text}.open)
			wantWords(t, err, tt.want)
		})
	}
	_, err := tripleo.Select(tripleo.Request{Release: "train", Template: "/t.j2"}, files{}.open)
	wantWords(t, err, "template file /t.j2: file does not exist")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error = %v", err)
	}
}
