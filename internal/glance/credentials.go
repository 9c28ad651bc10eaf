package glance

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// credentials are everything that a login to a cloud needs.
type credentials struct {
	auth     gophercloud.AuthOptions
	endpoint gophercloud.EndpointOpts
	tls      *tls.Config
	source   string // where they were read, for hints
}

// findCredentials reads the cloud's entry of clouds.yaml. If there is none, it takes the
// OS_* variables, as a sourced stackrc sets them.
func findCredentials(cloud string) (credentials, error) {
	places, err := cloudsFiles()
	if err != nil {
		return credentials{}, err
	}
	file, raw, err := firstFile(places)
	if err != nil {
		return credentials{}, err
	}
	entries, err := readClouds(file, raw)
	if err != nil {
		return credentials{}, err
	}
	if entry, ok := entries[cloud]; ok {
		opts := append(entry.options(), clouds.WithCloudName(cloud), clouds.WithCloudsYAML(bytes.NewReader(raw)))
		// As with the openstack command, secrets may be in secure.yaml in the same
		// directory. A file that cannot be read is ignored.
		beside := filepath.Join(filepath.Dir(file), "secure.yaml")
		if secrets, err := readFile(beside); err == nil {
			if _, err := readClouds(beside, secrets); err != nil {
				return credentials{}, err
			}
			opts = append(opts, clouds.WithSecureYAML(bytes.NewReader(secrets)))
		}
		return parseClouds(file, opts...)
	}
	if os.Getenv("OS_AUTH_URL") != "" {
		return fromEnvironment(cloud)
	}
	return credentials{}, cloudNotFound(places, file, slices.Sorted(maps.Keys(entries)))
}

// A cloudEntry is the part of an entry of clouds.yaml that is examined before
// gophercloud reads the entry.
type cloudEntry struct {
	Auth         map[string]any `yaml:"auth"`
	Region       string         `yaml:"region_name"`
	Interface    string         `yaml:"interface"`
	EndpointType string         `yaml:"endpoint_type"`
	CACert       string         `yaml:"cacert"`
}

// options keep OS_* variables from overriding the entry: they may belong to another
// cloud, whose rc file was sourced.
func (e cloudEntry) options() (opts []clouds.ParseOption) {
	if e.Region != "" {
		opts = append(opts, clouds.WithRegion(e.Region))
	}
	if face := cmp.Or(e.EndpointType, e.Interface); face != "" {
		opts = append(opts, clouds.WithEndpointType(face))
	}
	if e.CACert != "" {
		opts = append(opts, clouds.WithCACertPath(e.CACert))
	}
	return opts
}

// cloudsFiles are the paths at which clouds.yaml is looked for, in the order of the
// openstack command.
func cloudsFiles() ([]string, error) {
	if file := os.Getenv("OS_CLIENT_CONFIG_FILE"); file != "" {
		return []string{file}, nil
	}
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	user, err := os.UserConfigDir()
	if err != nil {
		return []string{filepath.Join(here, "clouds.yaml"), "/etc/openstack/clouds.yaml"}, nil
	}
	return []string{
		filepath.Join(here, "clouds.yaml"),
		filepath.Join(user, "openstack", "clouds.yaml"),
		"/etc/openstack/clouds.yaml",
	}, nil
}

// firstFile reads the first of the files that exists. The name is "" if none does.
func firstFile(places []string) (name string, raw []byte, err error) {
	for _, place := range places {
		if raw, err = readFile(place); !errors.Is(err, fs.ErrNotExist) {
			return place, raw, err
		}
	}
	return "", nil, nil
}

// readFile reads a file, and at most one byte more than the limit of yamlguard.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, yamlguard.MaxBytes+1))
}

// readClouds gives the usable entries of a clouds.yaml. It passes the file through
// yamlguard, so that gophercloud may read it afterwards.
func readClouds(file string, raw []byte) (map[string]cloudEntry, error) {
	_, body, bad := yamlguard.Parse(raw, yamlguard.Options{Directives: true})
	if bad != nil {
		return nil, fmt.Errorf("read %s:%d: %w", file, bad.Pos.Line, bad)
	}
	if body == nil {
		return nil, nil
	}
	var doc struct {
		Clouds map[string]cloudEntry `yaml:"clouds"`
	}
	if err := yaml.NodeToValue(body, &doc); err != nil {
		return nil, cloudsError(file, err)
	}
	// gophercloud cannot use an entry without auth.
	maps.DeleteFunc(doc.Clouds, func(_ string, e cloudEntry) bool { return e.Auth == nil })
	return doc.Clouds, nil
}

// cloudsError replaces the YAML library's message about a clouds.yaml, because that
// message may quote a password.
func cloudsError(file string, err error) error {
	var twice *yaml.DuplicateKeyError
	msg := "not a clouds.yaml: this value has the wrong type"
	switch {
	case errors.As(err, &twice):
		msg = "this key is given twice"
	case strings.Contains(err.Error(), " alias "):
		msg = "there is no anchor for an alias; quote the value if it is meant as text"
	}
	var at yaml.Error
	if errors.As(err, &at) && at.GetToken() != nil {
		file = fmt.Sprintf("%s:%d", file, at.GetToken().Position.Line)
	}
	return fmt.Errorf("read %s: %s", file, msg)
}

func cloudNotFound(places []string, file string, names []string) error {
	const other = "or set OS_AUTH_URL and the other OS_* variables, as stackrc does"
	switch {
	case file == "":
		return fault.WithHint(fmt.Errorf("there is no clouds.yaml (looked for %s)", strings.Join(places, ", ")),
			"write one, name one in OS_CLIENT_CONFIG_FILE, "+other)
	case len(names) == 0:
		return fault.WithHint(fmt.Errorf("not in %s, which has no cloud with an auth section", file), "add it there, "+other)
	default:
		return fault.WithHint(fmt.Errorf("not in %s, which has %s", file, strings.Join(names, ", ")), "add it there, "+other)
	}
}

// fromEnvironment makes an entry of clouds.yaml from the OS_* variables, so that both
// are read in the same way.
func fromEnvironment(cloud string) (credentials, error) {
	// stackrc and overcloudrc set the same variables, and also name their cloud. Images
	// must not go to the other cloud.
	for _, key := range []string{"OS_CLOUD", "OS_CLOUDNAME"} {
		if of := os.Getenv(key); of != "" && of != cloud {
			return credentials{}, fault.WithHint(fmt.Errorf("not in clouds.yaml, and the OS_* variables are those of cloud %q (%s)", of, key),
				fmt.Sprintf("source the rc file of %q, or add it to clouds.yaml", cloud))
		}
	}
	entry := clouds.Cloud{AuthInfo: &clouds.AuthInfo{
		AuthURL:                     os.Getenv("OS_AUTH_URL"),
		Token:                       os.Getenv("OS_TOKEN"),
		Username:                    os.Getenv("OS_USERNAME"),
		UserID:                      os.Getenv("OS_USER_ID"),
		Password:                    os.Getenv("OS_PASSWORD"),
		ApplicationCredentialID:     os.Getenv("OS_APPLICATION_CREDENTIAL_ID"),
		ApplicationCredentialName:   os.Getenv("OS_APPLICATION_CREDENTIAL_NAME"),
		ApplicationCredentialSecret: os.Getenv("OS_APPLICATION_CREDENTIAL_SECRET"),
		SystemScope:                 os.Getenv("OS_SYSTEM_SCOPE"),
		ProjectName:                 firstEnv("OS_PROJECT_NAME", "OS_TENANT_NAME"),
		ProjectID:                   firstEnv("OS_PROJECT_ID", "OS_TENANT_ID"),
		UserDomainName:              os.Getenv("OS_USER_DOMAIN_NAME"),
		UserDomainID:                os.Getenv("OS_USER_DOMAIN_ID"),
		ProjectDomainName:           os.Getenv("OS_PROJECT_DOMAIN_NAME"),
		ProjectDomainID:             os.Getenv("OS_PROJECT_DOMAIN_ID"),
		DomainName:                  os.Getenv("OS_DOMAIN_NAME"),
		DomainID:                    os.Getenv("OS_DOMAIN_ID"),
	}}
	content, err := json.Marshal(clouds.Clouds{Clouds: map[string]clouds.Cloud{cloud: entry}})
	if err != nil {
		return credentials{}, err
	}
	return parseClouds("the OS_* environment variables", clouds.WithCloudName(cloud), clouds.WithCloudsYAML(bytes.NewReader(content)))
}

func firstEnv(keys ...string) string {
	for _, key := range keys {
		if v := os.Getenv(key); v != "" {
			return v
		}
	}
	return ""
}

func parseClouds(source string, opts ...clouds.ParseOption) (credentials, error) {
	auth, endpoint, conf, err := clouds.Parse(opts...)
	if err != nil {
		return credentials{}, fmt.Errorf("read %s: %w", source, err)
	}
	if auth.IdentityEndpoint == "" {
		return credentials{}, fmt.Errorf("its entry in %s has no auth_url", source)
	}
	return credentials{auth: auth, endpoint: endpoint, tls: conf, source: source}, nil
}
