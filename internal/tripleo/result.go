package tripleo

import (
	"maps"
	"slices"
	"strings"
)

// A Result is what is written down: the images with their tags, where each is
// pushed to, and which registries are not asked for a certificate.
type Result struct {
	Release    string
	Images     []Image
	Strategies []Strategy // by which the images were found
	Satellite  *Satellite // of whose names a script is made; nil: none

	TargetVersion string // of an OpenStackVersion

	Comment  []string               // heads what is written, a line each
	Insecure func(host string) bool // of the hosts that images come from; nil: none
	Listed   []string               // hosts that are insecure whether an image comes from them or not
	Notes    []string               // as of a Selection; they are not written down
}

// Parameters gives the image parameters and what they are set to. Where two
// images claim one parameter, the later image has it.
func (r Result) Parameters() map[string]string {
	params := map[string]string{}
	for _, image := range r.Images {
		for _, name := range image.Params {
			params[name] = image.Pushed()
		}
	}
	return params
}

// InsecureHosts gives the listed hosts and those hosts of the parameters'
// values that are insecure, sorted.
func (r Result) InsecureHosts() []string {
	hosts := map[string]bool{}
	for _, host := range r.Listed {
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

// ImagesFile gives the list of images to pull, in the order of the template,
// each with where it is to be pushed. An image that is wanted twice is listed
// twice.
func (r Result) ImagesFile() []byte {
	if len(r.Images) == 0 {
		return []byte("container_images: []\n")
	}
	var b strings.Builder
	b.WriteString("container_images:\n")
	for _, image := range r.Images {
		b.WriteString("- imagename: " + scalar(image.Ref()) + "\n")
		if image.PushDestination != "" {
			b.WriteString("  push_destination: " + scalar(image.PushDestination) + "\n")
		}
	}
	return []byte(b.String())
}
