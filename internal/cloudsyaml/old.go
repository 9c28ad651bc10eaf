package cloudsyaml

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// hyphened are settings that openstacksdk does not see if they are written with a hyphen.
var hyphened = []string{"endpoint-type", "image-endpoint-type", "auth-type", "auth-plugin"}

// withoutOldNames gives the settings by their current names. Like openstacksdk, it takes old
// names away, in the order in which they count, before - stands for _.
func (s settings) withoutOldNames() (settings, error) {
	s = s.withInterfaces()
	auth, err := s.withAuthNames()
	if err != nil {
		return nil, err
	}
	s = slices.Clone(s)
	var unseen settings
	for _, key := range hyphened {
		if s.has(key) {
			unseen.set(key, s.get(key))
			s.remove(key)
		}
	}
	for _, m := range renamed {
		for _, key := range m.from {
			s.remove(key)
		}
	}
	s.set("auth", auth)
	return append(s.normalized(), unseen...), nil
}

// withInterfaces gives the settings with …interface for the old names …endpoint_type.
// endpoint_type alone comes before interface; of all others, the later one counts.
func (s settings) withInterfaces() settings {
	var out settings
	for _, p := range s {
		if before, old := strings.CutSuffix(p.key, "endpoint_type"); old {
			p.key = before + "interface"
		}
		out.set(p.key, p.value)
	}
	if s.has("endpoint_type") {
		out.set("interface", s.get("endpoint_type"))
	}
	return out
}

// renamed are settings of a login with their spellings, in auth and beside it. Of those that
// are there, the last one counts, even if it is empty.
var renamed = [...]struct {
	to   string
	from []string
}{
	{"domain_id", []string{"domain_id", "domain-id"}},
	{"domain_name", []string{"domain_name", "domain-name"}},
	{"user_domain_id", []string{"user_domain_id", "user-domain-id"}},
	{"user_domain_name", []string{"user_domain_name", "user-domain-name"}},
	{"project_domain_id", []string{"project_domain_id", "project-domain-id"}},
	{"project_domain_name", []string{"project_domain_name", "project-domain-name"}},
	{"token", []string{"auth-token", "auth_token", "token"}},
	{"project_id", []string{"tenant_id", "tenant-id", "project_id", "project-id"}},
	{"project_name", []string{"tenant_name", "tenant-name", "project_name", "project-name"}},
}

// withAuthNames gives the settings in auth by their current names, with those of these that
// stand beside auth.
func (s settings) withAuthNames() (settings, error) {
	auth := slices.Clone(s.table("auth"))
	method, _ := s.get("auth_type").(yamlguard.Opened)
	for _, m := range renamed {
		from := m.from
		if method.Text == "v2password" && len(from) == 4 { // there the old names count more
			from = slices.Concat(from[2:], from[:2])
		}
		key, value := "", any(nil)
		for _, from := range from {
			if err := s.sameBeside(auth, from); err != nil {
				return nil, err
			}
			for _, in := range []settings{s, auth} {
				if in.has(from) {
					key, value = from, in.get(from)
				}
			}
			auth.remove(from)
		}
		if key != "" && value == nil {
			return nil, fault.WithHint(fmt.Errorf("setting %s is empty, which the openstack command reads as the text None", key), "give it a value, or remove it")
		}
		if v, ok := value.(yamlguard.Opened); key != "" && !(ok && v.Text == "") {
			auth.set(m.to, value)
		}
	}
	auth.shareDomains()
	return auth, nil
}

// sameBeside refuses two values of a setting, one in auth and one beside it: which of them
// counts depends on the version of openstacksdk.
func (s settings) sameBeside(auth settings, key string) error {
	in, err := scalar(auth.get(key), "auth."+key)
	if err != nil {
		return err
	}
	beside, err := scalar(s.get(key), key)
	if err == nil && in != "" && beside != "" && in != beside {
		err = fault.WithHint(fmt.Errorf("setting %s is in auth and beside it, with two values", key), "remove one of them")
	}
	return err
}

// shareDomains gives the user and the project the domain that is set for both of them.
// Without a project, domain_id and domain_name say that the token is for the domain.
func (s *settings) shareDomains() {
	if !s.has("project_id") && !s.has("project_name") {
		return
	}
	for _, kind := range []string{"_id", "_name"} {
		if domain := "domain" + kind; s.has(domain) {
			for _, of := range []string{"user_", "project_"} {
				if !s.has(of + domain) {
					s.set(of+domain, s.get(domain))
				}
			}
			s.remove(domain)
		}
	}
}
