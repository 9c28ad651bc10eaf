package tripleo

import (
	"maps"
	"slices"
	"strings"
)

// A Result is what the two files say: the images, where they are pushed to,
// and which registries are not asked for a certificate.
type Result struct {
	Images          []Image
	PushDestination string                 // registry, maybe with a path below it; "" for none
	Insecure        func(host string) bool // nil: none
}

// insecureParameter is the parameter that lists registries without TLS.
const insecureParameter = "DockerInsecureRegistryAddress"

// Parameters gives the image parameters and what they are set to. Where two
// images claim one parameter, the later image has it.
func (r Result) Parameters() map[string]string {
	params := map[string]string{}
	for _, image := range r.Images {
		for _, name := range image.Params {
			params[name] = r.pushed(image.Ref())
		}
	}
	return params
}

// pushed gives where a reference is after the push: what stands before its
// first slash is replaced.
func (r Result) pushed(ref string) string {
	if r.PushDestination == "" {
		return ref
	}
	_, path, _ := strings.Cut(ref, "/")
	return r.PushDestination + "/" + path
}

// InsecureHosts gives the hosts of the parameters' values that are insecure,
// sorted.
func (r Result) InsecureHosts() []string {
	if r.Insecure == nil {
		return nil
	}
	hosts := map[string]bool{}
	for _, ref := range r.Parameters() {
		host, _, _ := strings.Cut(ref, "/")
		if !hosts[host] && r.Insecure(host) {
			hosts[host] = true
		}
	}
	return slices.Sorted(maps.Keys(hosts))
}

// EnvFile gives the environment file: the comment, a line each, and the
// parameters.
func (r Result) EnvFile(comment []string) []byte {
	var b strings.Builder
	for _, line := range comment {
		b.WriteString(strings.TrimRight("# "+line, " ") + "\n")
	}
	if len(comment) > 0 {
		b.WriteString("\n")
	}
	params, hosts := r.Parameters(), r.InsecureHosts()
	keys := slices.Sorted(maps.Keys(params))
	if len(hosts) > 0 {
		keys = append(keys, insecureParameter)
		slices.Sort(keys)
	}
	if len(keys) == 0 {
		return []byte(b.String() + "parameter_defaults: {}\n")
	}
	b.WriteString("parameter_defaults:\n")
	for _, key := range keys {
		if key == insecureParameter {
			b.WriteString("  " + key + ":\n")
			for _, host := range hosts {
				b.WriteString("  - " + scalar(host) + "\n")
			}
			continue
		}
		b.WriteString("  " + key + ": " + scalar(params[key]) + "\n")
	}
	return []byte(b.String())
}

// ImagesFile gives the list of images to pull, in the order of the template,
// each with where it is to be pushed.
func (r Result) ImagesFile() []byte {
	if len(r.Images) == 0 {
		return []byte("container_images: []\n")
	}
	var b strings.Builder
	b.WriteString("container_images:\n")
	for _, image := range r.Images {
		b.WriteString("- imagename: " + scalar(image.Ref()) + "\n")
		if r.PushDestination != "" {
			b.WriteString("  push_destination: " + scalar(r.PushDestination) + "\n")
		}
	}
	return []byte(b.String())
}
