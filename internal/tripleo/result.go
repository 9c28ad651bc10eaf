package tripleo

import (
	"maps"
	"slices"
	"strings"
)

// A Result is the content of the files to write: the images with their tags, where
// each is pushed to, and the registries without a trusted certificate.
type Result struct {
	Release    string
	Images     []Image
	Strategies []Strategy // that selected the images
	Satellite  *Satellite // for the script; nil means none

	TargetVersion string // of an OpenStackVersion
	Name          string // of an object in a cluster

	Comment        []string               // the lines of the comment at the beginning of each file
	Insecure       func(host string) bool // whether a host of an image is insecure; nil means that none is
	AlwaysInsecure []string               // hosts to list as insecure even if no image comes from them
	Notes          []string               // of the Selection; they are not written to a file
}

// Parameters returns the image parameters and their values. If two images name one
// parameter, the later image sets it.
func (r Result) Parameters() map[string]string {
	params := map[string]string{}
	for _, image := range r.Images {
		for _, name := range image.Params {
			params[name] = image.Pushed()
		}
	}
	return params
}

// InsecureHosts returns AlwaysInsecure and the insecure hosts of the parameters'
// values, sorted.
func (r Result) InsecureHosts() []string {
	hosts := map[string]bool{}
	for _, host := range r.AlwaysInsecure {
		hosts[host] = true
	}
	if r.Insecure != nil {
		for _, ref := range r.Parameters() {
			host, _, _ := strings.Cut(ref, "/")
			if !hosts[host] && r.Insecure(host) {
				hosts[host] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(hosts))
}

// ImagesFile returns the list of images to pull, in the order of the template, each
// with its push destination. An image that is selected twice is listed twice.
func (r Result) ImagesFile() []byte {
	if len(r.Images) == 0 {
		return []byte("container_images: []\n")
	}
	var b strings.Builder
	b.WriteString("container_images:\n")
	for _, image := range r.Images {
		b.WriteString("- imagename: " + yamlScalar(image.Ref()) + "\n")
		if image.PushDestination != "" {
			b.WriteString("  push_destination: " + yamlScalar(image.PushDestination) + "\n")
		}
	}
	return []byte(b.String())
}
