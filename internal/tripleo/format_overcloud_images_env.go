package tripleo

import (
	"maps"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// insecureParameter is the parameter that lists registries without TLS. It kept
// its name in the releases that removed Docker from the names of the others.
const insecureParameter = "DockerInsecureRegistryAddress"

// overcloudImagesEnv is the Heat environment file that sets the parameters of all
// images, in the form that the old tools write.
func overcloudImagesEnv() Format {
	return Format{
		Name: "overcloud-images-env",
		Write: func(r Result) ([]byte, string, error) {
			return r.EnvFile(), human.Count(len(r.Parameters()), "parameter", "parameters"), nil
		},
	}
}

// EnvFile returns the environment file: the comment and the parameters.
func (r Result) EnvFile() []byte {
	var b strings.Builder
	r.writeComment(&b)
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
				b.WriteString("  - " + yamlScalar(host) + "\n")
			}
			continue
		}
		b.WriteString("  " + key + ": " + yamlScalar(params[key]) + "\n")
	}
	return []byte(b.String())
}

// writeComment writes the result's comment at the beginning of a file.
func (r Result) writeComment(b *strings.Builder) {
	for _, line := range r.Comment {
		b.WriteString(strings.TrimRight("# "+line, " ") + "\n")
	}
	if len(r.Comment) > 0 {
		b.WriteString("\n")
	}
}
