package cloudsyaml

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// withInterfaces gives settings whose old names …endpoint_type are …interface.
func withInterfaces(s settings) settings {
	out := settings{}
	for key, value := range s {
		if before, old := strings.CutSuffix(key, "endpoint_type"); old && value != nil {
			out[before+"interface"] = value
		}
	}
	for key, value := range s {
		if _, taken := out[key]; !taken && !strings.HasSuffix(key, "endpoint_type") {
			out[key] = value
		}
	}
	return out
}

// image examines the settings that say where the image service is.
func (s settings) image() (Image, []string, error) {
	var i Image
	for _, set := range []struct {
		to   *string
		keys []string // the first that is set counts
	}{
		{&i.Endpoint, []string{"image_endpoint_override", "image_endpoint"}},
		{&i.Type, []string{"image_service_type"}},
		{&i.Name, []string{"image_service_name"}},
		{&i.Region, []string{"image_region_name", "region_name"}},
	} {
		for _, key := range set.keys {
			value, err := s.text(key)
			if err != nil {
				return Image{}, nil, err
			}
			if *set.to == "" {
				*set.to = value
			}
		}
	}
	if i.Endpoint != "" {
		if at, err := url.Parse(i.Endpoint); err != nil || at.Host == "" || strings.Contains(i.Endpoint, "%(") {
			return Image{}, nil, fault.WithHint(errors.New("setting image_endpoint_override is not an address"), "write an address such as http://192.0.2.1:9292")
		}
	}
	has, err := s.boolean("has_image", true)
	if err != nil {
		return Image{}, nil, err
	}
	if !has {
		return Image{}, nil, errors.New("setting has_image says that the cloud has no image service")
	}
	if err := s.checkVersion(); err != nil {
		return Image{}, nil, err
	}
	i.Interfaces, err = s.interfaces()
	return i, s.misplaced(), err
}

// checkVersion refuses another version of the image service than the second.
func (s settings) checkVersion() error {
	version, err := s.text("image_api_version")
	if err != nil {
		return err
	}
	switch major, _, _ := strings.Cut(version, "."); major {
	case "", "2":
		return nil
	}
	if strings.Trim(version, "0123456789.") != "" { // such as "latest", which openstacksdk ignores
		return nil
	}
	return fmt.Errorf("setting image_api_version %s is not supported: bayplan speaks version 2", version)
}

// interfaces gives the interfaces to look for in the catalogue.
func (s settings) interfaces() ([]string, error) {
	key := "interface"
	if s["image_interface"] != nil {
		key = "image_interface"
	}
	all, err := s.texts(key)
	if err != nil || len(all) == 0 {
		return []string{"public"}, err
	}
	for i, one := range all {
		all[i] = strings.TrimSuffix(one, "URL")
		switch all[i] {
		case "public", "internal", "admin":
		default:
			return nil, fault.WithHint(fmt.Errorf("setting %s %s is not supported", key, one), "bayplan knows public, internal and admin")
		}
	}
	return all, nil
}

// misplaced tells of settings that look as if they said where the image service is, and that
// openstacksdk ignores because they lack the name of a service.
func (s settings) misplaced() []string {
	var notes []string
	for _, key := range []string{"endpoint_override", "endpoint", "service_type", "service_name", "api_version"} {
		if s[key] != nil {
			notes = append(notes, fmt.Sprintf("setting %s is not used: that of the image service is image_%s", key, key))
		}
	}
	return notes
}

// tls examines the settings that say how TLS is used.
func (s settings) tls() (TLS, error) {
	var t TLS
	var err error
	if t.Insecure, err = s.boolean("insecure", false); err != nil {
		return TLS{}, err
	}
	for _, set := range []struct {
		to  *string
		key string
	}{{&t.CA, "cacert"}, {&t.Cert, "cert"}, {&t.Key, "key"}} {
		path, err := s.text(set.key)
		if err != nil {
			return TLS{}, err
		}
		*set.to = inHome(path)
	}
	switch v := s["verify"].(type) {
	case nil:
	case yamlguard.Opened:
		verify, err := s.boolean("verify", true)
		if err != nil && !strings.Contains(v.Text, "/") {
			return TLS{}, err
		}
		// It may also be the path of a file of authorities.
		if err != nil && t.CA == "" {
			t.CA = inHome(v.Text)
		}
		t.Insecure = t.Insecure || (err == nil && !verify)
	default:
		return TLS{}, errors.New("setting verify is neither true nor false")
	}
	return t, nil
}

// inHome replaces the ~ that a path begins with.
func inHome(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if home, err := os.UserHomeDir(); ok && err == nil {
		return filepath.Join(home, rest)
	}
	return path
}
