package cloudsyaml

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// image examines the settings that say where the image service is.
func (s settings) image() (Image, error) {
	var i Image
	region := "region_name"
	if s.get("image_region_name") != nil { // an empty one stands for any region
		region = "image_region_name"
	}
	override := "image_endpoint_override"
	if at, err := s.text(override); at == "" && err == nil {
		override = "image_endpoint"
	}
	for _, set := range []struct {
		to  *string
		key string
	}{{&i.Endpoint, override}, {&i.Type, "image_service_type"}, {&i.Name, "image_service_name"}, {&i.Region, region}} {
		var err error
		if *set.to, err = s.text(set.key); err != nil {
			return Image{}, err
		}
	}
	if i.Endpoint != "" {
		if err := checkAddress(override, i.Endpoint); err != nil {
			return Image{}, err
		}
	}
	has, err := s.boolean("has_image", true)
	if err != nil {
		return Image{}, err
	}
	if !has {
		return Image{}, errors.New("setting has_image says that the cloud has no image service")
	}
	if err := s.checkVersion(); err != nil {
		return Image{}, err
	}
	i.Interfaces, err = s.interfaces()
	return i, err
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
	if s.get("image_interface") != nil {
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

// unread tells of settings that look as if they decided something, and that openstacksdk
// does not read.
func (s settings) unread() []string {
	var notes []string
	note := func(key, format string, args ...any) {
		if s.get(key) != nil {
			notes = append(notes, fmt.Sprintf("setting %s is not used: ", key)+fmt.Sprintf(format, args...))
		}
	}
	for _, key := range []string{"endpoint_override", "endpoint", "service_type", "service_name", "api_version"} {
		note(key, "that of the image service is image_%s", key)
	}
	for _, key := range hyphened {
		note(key, "the openstack command reads only %s", strings.ReplaceAll(key, "-", "_"))
	}
	if s.has("verify") && s.get("verify") == nil {
		note("cacert", "verify is empty, so the openstack command takes the machine's authorities")
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
	if err := s.verify(&t); err != nil {
		return TLS{}, err
	}
	return t, nil
}

// verify examines the setting that turns the check of certificates off, or names the
// authorities. cacert comes before such a name, but an empty verify takes cacert away.
func (s settings) verify(t *TLS) error {
	v, ok := s.get("verify").(yamlguard.Opened)
	switch verify, isBool := v.Bool(); {
	case s.get("verify") == nil:
		if s.has("verify") {
			t.CA = ""
		}
	case !ok:
		return errors.New("setting verify is neither true nor false")
	case isBool || v.Text == "":
		t.Insecure = t.Insecure || !verify
	case t.CA == "":
		if !strings.ContainsAny(v.Text, "/.") {
			return fault.WithHint(errors.New("setting verify is neither true nor false, nor the path of a file of authorities"),
				"write it without quotes: verify: false")
		}
		t.CA = inHome(v.Text)
	}
	return nil
}

// inHome replaces the ~ that a path begins with.
func inHome(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if home, err := os.UserHomeDir(); ok && err == nil {
		return filepath.Join(home, rest)
	}
	return path
}
