package tripleo

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// kollaGlobals are the variables in globals.yml by which kolla-ansible finds its
// images: the registry, the namespace and the tag of most images, and separate
// variables for each image that differs.
//
// The names are those of the roles' defaults in
// https://opendev.org/openstack/kolla-ansible: docker_registry, docker_namespace,
// openstack_tag, and NAME_tag and NAME_image_full of an image.
func kollaGlobals() Format {
	return Format{Name: "kolla-globals", Write: writeGlobals}
}

func writeGlobals(r Result) ([]byte, string, error) {
	var b strings.Builder
	r.writeComment(&b)
	if len(r.Images) == 0 {
		return append([]byte(b.String()), "{}\n"...), "no image", nil
	}
	prefix, tag := commonest(r.Images, kollaPrefix), commonest(r.Images, func(i Image) string { return i.Tag })
	registry, namespace, _ := strings.Cut(prefix, "/")
	own := map[string]string{}
	for _, image := range r.Images {
		name := kollaVariable(image.Name)
		switch {
		case image.Digest != "" || kollaPrefix(image) != prefix:
			own[name+"_image_full"] = cmp.Or(image.pinnedTagRef(), image.Pushed())
		case image.Tag != tag:
			own[name+"_tag"] = image.Tag
		}
	}
	b.WriteString("docker_registry: " + yamlScalar(registry) + "\n")
	b.WriteString("docker_namespace: " + yamlScalar(namespace) + "\n")
	b.WriteString("openstack_tag: " + yamlScalar(tag) + "\n")
	for _, name := range slices.Sorted(maps.Keys(own)) {
		b.WriteString(name + ": " + yamlScalar(own[name]) + "\n")
	}
	return []byte(b.String()), "3 variables of kolla, " + human.Count(len(own), "image with its own", "images with their own"), nil
}

// kollaPrefix returns the registry and the namespace that an image is pulled from.
func kollaPrefix(image Image) string {
	name := image.pushedRepository()
	return name[:max(strings.LastIndexByte(name, '/'), 0)]
}

// kollaVariable returns the beginning of an image's variables: its name, or
// another one for the few images whose service has another name.
func kollaVariable(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	switch name {
	case "mariadb-server":
		return "mariadb"
	case "prometheus-v2-server", "prometheus-server":
		return "prometheus_server"
	case "openvswitch-db-server":
		return "openvswitch_db"
	}
	return strings.ReplaceAll(name, "-", "_")
}

// commonest returns the most frequent value, and the first of several.
func commonest(images []Image, of func(Image) string) string {
	counts := map[string]int{}
	best := ""
	for _, image := range images {
		counts[of(image)]++
	}
	for _, image := range images {
		if v := of(image); counts[v] > counts[best] {
			best = v
		}
	}
	return best
}
