// Package pullers writes what makes container engines and clusters pull images from a
// mirror although they ask for them by their own names: registries.conf of
// containers-registries.conf(5), and ImageDigestMirrorSet and ImageTagMirrorSet of
// OpenShift. It does not know where images are listed, nor who copies them.
package pullers

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// An Image is one image that is asked for by its own name and pulled from a mirror.
type Image struct {
	Source   string // its repository, HOST/PATH
	Mirror   string // the repository at the mirror
	Digest   bool   // it is asked for by its digest, otherwise by its tag
	Insecure bool   // the mirror has no TLS that can be verified
}

// A mirror is a repository that others are pulled from, with the kinds of references
// for which that holds.
type mirror struct {
	repository    string
	digests, tags bool
	insecure      bool
}

// bySource gives the mirrors of each repository, in the order of the images.
func bySource(images []Image) map[string][]*mirror {
	all := map[string][]*mirror{}
	for _, i := range images {
		at := slices.IndexFunc(all[i.Source], func(m *mirror) bool { return m.repository == i.Mirror })
		if at < 0 {
			at = len(all[i.Source])
			all[i.Source] = append(all[i.Source], &mirror{repository: i.Mirror})
		}
		m := all[i.Source][at]
		m.digests, m.tags, m.insecure = m.digests || i.Digest, m.tags || !i.Digest, m.insecure || i.Insecure
	}
	return all
}

// RegistriesConf writes a registries.conf of version 2, to be put into a directory
// registries.conf.d. It has a table for each repository. A mirror is asked for
// digests or tags only where all images of the repository are asked for that way.
func RegistriesConf(images []Image) string {
	var b strings.Builder
	mirrors := bySource(images)
	for n, source := range slices.Sorted(maps.Keys(mirrors)) {
		if n > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("[[registry]]\nprefix = " + strconv.Quote(source) + "\nlocation = " + strconv.Quote(source) + "\n")
		for _, m := range mirrors[source] {
			b.WriteString("\n[[registry.mirror]]\nlocation = " + strconv.Quote(m.repository) + "\n")
			if m.insecure {
				b.WriteString("insecure = true\n")
			}
			switch {
			case !m.tags:
				b.WriteString("pull-from-mirror = \"digest-only\"\n")
			case !m.digests:
				b.WriteString("pull-from-mirror = \"tag-only\"\n")
			}
		}
	}
	return b.String()
}

// DigestMirrorSet writes an ImageDigestMirrorSet. It has the images that are asked for by
// digest.
func DigestMirrorSet(name string, images []Image) string {
	return mirrorSet("ImageDigestMirrorSet", "imageDigestMirrors", name, slices.DeleteFunc(slices.Clone(images), func(i Image) bool { return !i.Digest }))
}

// TagMirrorSet writes an ImageTagMirrorSet. It has the images that are asked for by tag.
func TagMirrorSet(name string, images []Image) string {
	return mirrorSet("ImageTagMirrorSet", "imageTagMirrors", name, slices.DeleteFunc(slices.Clone(images), func(i Image) bool { return i.Digest }))
}

func mirrorSet(kind, field, name string, images []Image) string {
	var b strings.Builder
	b.WriteString("apiVersion: config.openshift.io/v1\nkind: " + kind + "\nmetadata:\n  name: " + objectName(name) + "\nspec:\n  " + field + ":\n")
	mirrors := bySource(images)
	for _, source := range slices.Sorted(maps.Keys(mirrors)) {
		b.WriteString("  - source: " + scalar(source) + "\n    mirrors:\n")
		for _, m := range mirrors[source] {
			b.WriteString("    - " + scalar(m.repository) + "\n")
		}
	}
	return b.String()
}

// scalar writes a name as YAML, in which [ begins a list.
func scalar(name string) string {
	if strings.HasPrefix(name, "[") {
		return "'" + name + "'"
	}
	return name
}

var notInObjectName = lazyregexp.New(`[^a-z0-9-]+`)

// maxObjectName is the longest name of an object in a cluster.
const maxObjectName = 253

// objectName makes a name that Kubernetes accepts.
func objectName(name string) string {
	name = notInObjectName.ReplaceAllString(strings.ToLower(name), "-")
	return cmp.Or(strings.Trim(name[:min(len(name), maxObjectName)], "-"), "mirrors")
}
