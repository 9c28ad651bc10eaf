package tripleo

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// kollaGlobals are the variables by which kolla-ansible finds its images, for
// its globals.yml: the registry, the namespace and the tag that most images
// have, and for each of the others its own.
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
	prefix, tag := commonest(r.Images, kollaPlace), commonest(r.Images, func(i Image) string { return i.Tag })
	registry, namespace, _ := strings.Cut(prefix, "/")
	own := map[string]string{}
	for _, image := range r.Images {
		name := kollaVariable(image.Name)
		switch {
		case image.Digest != "" || kollaPlace(image) != prefix:
			own[name+"_image_full"] = cmp.Or(image.pinnedTag(), image.Pushed())
		case image.Tag != tag:
			own[name+"_tag"] = image.Tag
		}
	}
	b.WriteString("docker_registry: " + scalar(registry) + "\n")
	b.WriteString("docker_namespace: " + scalar(namespace) + "\n")
	b.WriteString("openstack_tag: " + scalar(tag) + "\n")
	for _, name := range slices.Sorted(maps.Keys(own)) {
		b.WriteString(name + ": " + scalar(own[name]) + "\n")
	}
	return []byte(b.String()), "3 variables of kolla, " + human.Count(len(own), "image with its own", "images with their own"), nil
}

// kollaPlace is the registry and the namespace that an image is pulled from.
func kollaPlace(image Image) string {
	name := strings.TrimSuffix(image.Pushed(), ":"+image.Tag)
	return name[:max(strings.LastIndexByte(name, '/'), 0)]
}

// kollaVariable is what the variables of an image begin with: its name, but for
// a few whose service is called otherwise.
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

// commonest gives the value that most images have, of several the first.
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
