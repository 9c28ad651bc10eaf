package cloudsyaml

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
)

// prefix begins the names of the variables that say something about a cloud.
const prefix = "OS_"

// variables gives these variables, each as NAME=VALUE.
func variables() []string {
	return slices.DeleteFunc(os.Environ(), func(pair string) bool { return !strings.HasPrefix(pair, prefix) })
}

// fromEnvironment makes an entry of the OS_* variables, so that both are examined in the same way.
func fromEnvironment(r Request) (Cloud, error) {
	// stackrc and overcloudrc set the same variables, and also name their cloud. Images
	// must not go to the other cloud.
	for _, key := range []string{"OS_CLOUD", "OS_CLOUDNAME"} {
		if of := os.Getenv(key); of != "" && of != r.Cloud {
			return Cloud{}, fault.WithHint(fmt.Errorf("not in clouds.yaml, and the OS_* variables are those of cloud %q (%s)", of, key),
				fmt.Sprintf("source the rc file of %q, or add it to clouds.yaml", r.Cloud))
		}
	}
	const source = "the OS_* environment variables"
	s := settings{}
	for _, pair := range variables() {
		key, value, _ := strings.Cut(pair, "=")
		if value != "" {
			s.set(strings.ToLower(strings.TrimPrefix(key, prefix)), text(value))
		}
	}
	s.remove("auth") // no variable stands for the mapping
	if r.Region != "" {
		s.set("region_name", text(r.Region))
	}
	c := Cloud{Source: source}
	if version, _ := s.text("image_api_version"); strings.HasPrefix(version, "1") {
		// Old rc files set it for the openstack command. It does not change the place.
		s.remove("image_api_version")
		c.Notes = append(c.Notes, "OS_IMAGE_API_VERSION="+version+" is not used: bayplan speaks version 2")
	}
	if err := c.fill(s); err != nil {
		return Cloud{}, inFile(source, err)
	}
	return c, nil
}
