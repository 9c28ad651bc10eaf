package cloudsyaml

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/human"
)

// A Login says how to log in at the identity service. Only what its method needs is set.
type Login struct {
	AuthURL string

	UserID         string // or else Username with one of the domains
	Username       string
	UserDomainID   string
	UserDomainName string

	Password string
	Token    string

	ApplicationCredentialID     string // or else the name, with a user
	ApplicationCredentialName   string
	ApplicationCredentialSecret string

	Scope Scope
}

// A Scope is what the token is for: a project, a domain, the system or a trust.
type Scope struct {
	ProjectID         string // or else ProjectName with one of the domains
	ProjectName       string
	ProjectDomainID   string
	ProjectDomainName string
	DomainID          string
	DomainName        string
	System            bool
	TrustID           string
}

// known are the settings in auth. They may also stand beside auth.
var known = [...]string{
	"auth_url", "username", "user_id", "password", "token", "user_domain_id", "user_domain_name",
	"project_id", "project_name", "project_domain_id", "project_domain_name", "domain_id", "domain_name",
	"default_domain_id", "default_domain_name", "system_scope", "trust_id",
	"application_credential_id", "application_credential_name", "application_credential_secret",
}

// authSettings gives the settings of auth, with those that stand beside it.
func (s settings) authSettings() (map[string]string, error) {
	auth := map[string]string{}
	inside := s.table("auth")
	for _, p := range inside {
		if p.value != nil && !slices.Contains(known[:], p.key) && p.key != "user_name" {
			return nil, fault.WithHint(fmt.Errorf("setting auth.%s is not supported", p.key), human.DidYouMean(p.key, known[:]))
		}
	}
	for _, key := range known {
		if err := s.sameBeside(inside, key); err != nil {
			return nil, err
		}
		for _, in := range []settings{inside, s} {
			value := in.get(key)
			if key == "username" && !in.has(key) {
				value = in.get("user_name") // its old name
			}
			if v, err := scalar(value, key); err != nil {
				return nil, err
			} else if auth[key] == "" {
				auth[key] = v
			}
		}
	}
	for _, kind := range []string{"_id", "_name"} {
		for _, of := range []string{"user_domain", "project_domain"} {
			auth[of+kind] = cmp.Or(auth[of+kind], auth["default_domain"+kind])
		}
	}
	var err error
	auth["auth_url"], err = s.expand("auth_url", auth["auth_url"])
	return auth, err
}

// methods are the values of auth_type that bayplan knows.
var methods = [...]string{"password", "v3password", "v2password", "token", "v3token", "v2token", "v3applicationcredential"}

// login examines the settings that say how to log in.
func (s settings) login() (Login, error) {
	auth, err := s.authSettings()
	if err != nil {
		return Login{}, err
	}
	if err := s.refuse("passcode", "a login with a second factor"); err != nil {
		return Login{}, err
	}
	method, err := s.method(auth)
	if err != nil {
		return Login{}, err
	}
	if err := checkAddress("auth_url", auth["auth_url"]); err != nil {
		return Login{}, err
	}
	if strings.HasPrefix(method, "v2") && !strings.HasSuffix(strings.TrimSuffix(auth["auth_url"], "/"), "/v2.0") {
		return Login{}, fmt.Errorf("auth_type %s needs an auth_url that ends in /v2.0", method)
	}
	l := Login{AuthURL: auth["auth_url"]}
	if l.Scope, err = scopeOf(auth); err != nil {
		return Login{}, err
	}
	return l.with(method, auth)
}

// checkAddress gives an error for a setting that is not the address of a server.
func checkAddress(key, address string) error {
	if address == "" {
		return fmt.Errorf("%s is not set", key)
	}
	at, err := url.Parse(address)
	if err != nil || at.Host == "" || strings.Contains(address, "%(") {
		return fault.WithHint(fmt.Errorf("setting %s is not an address", key), "write an address such as http://192.0.2.1:9292")
	}
	if err := hostname.Check(at.Host); err != nil {
		return fmt.Errorf("setting %s: %w", key, err)
	}
	return nil
}

// with sets what the method needs.
func (l Login) with(method string, auth map[string]string) (Login, error) {
	user := func() {
		l.UserID = auth["user_id"]
		if l.UserID == "" { // an id comes before a name with its domain
			l.Username, l.UserDomainID = auth["username"], auth["user_domain_id"]
			if l.UserDomainID == "" {
				l.UserDomainName = auth["user_domain_name"]
			}
		}
	}
	switch strings.TrimLeft(method, "v23") {
	case "password":
		user()
		l.Password = auth["password"]
		return l, nil
	case "token":
		l.Token = auth["token"]
		if l.Token == "" {
			return Login{}, fault.WithHint(fmt.Errorf("auth_type is %s, and the token is not set", method), "set token in auth")
		}
		return l, nil
	}
	l.ApplicationCredentialID, l.ApplicationCredentialSecret = auth["application_credential_id"], auth["application_credential_secret"]
	if l.ApplicationCredentialID == "" {
		user()
		l.ApplicationCredentialName = auth["application_credential_name"]
	}
	switch {
	case l.ApplicationCredentialID == "" && l.ApplicationCredentialName == "":
		return Login{}, fault.WithHint(errors.New("the application credential is not set"), "set application_credential_id in auth")
	case l.Scope != Scope{}:
		return Login{}, fault.WithHint(errors.New("an application credential has its project, and another one is set"), "remove the project from auth")
	}
	return l, nil
}

// method gives the way to log in. Without auth_type it follows from what is set.
func (s settings) method(auth map[string]string) (string, error) {
	key := "auth_type"
	if !s.has(key) {
		key = "auth_plugin" // its old name
	}
	explicit := s.has(key)
	method, err := scalar(s.get(key), key)
	if err != nil {
		return "", err
	}
	switch {
	case !explicit && auth["password"] != "":
		return "password", nil
	case !explicit && auth["token"] != "":
		return "token", nil
	case !explicit && auth["application_credential_id"]+auth["application_credential_name"]+auth["application_credential_secret"] != "":
		return "v3applicationcredential", nil
	case !explicit:
		return "password", nil
	case method == "":
		method = "none"
	}
	if !slices.Contains(methods[:], method) {
		return "", fault.WithHint(fmt.Errorf("%s %s is not supported", key, method), "bayplan knows "+strings.Join(methods[:], ", "))
	}
	return method, nil
}

// scopeOf gives what the token is for. Settings for two things are refused.
func scopeOf(auth map[string]string) (Scope, error) {
	s := Scope{ProjectID: auth["project_id"], TrustID: auth["trust_id"]}
	if s.ProjectID == "" && auth["project_name"] != "" {
		s.ProjectName, s.ProjectDomainID = auth["project_name"], auth["project_domain_id"]
		if s.ProjectDomainID == "" {
			s.ProjectDomainName = auth["project_domain_name"]
		}
	}
	if s.DomainID = auth["domain_id"]; s.DomainID == "" {
		s.DomainName = auth["domain_name"]
	}
	switch scope := auth["system_scope"]; scope {
	case "":
	case "all":
		s.System = true
	default:
		return Scope{}, fmt.Errorf("system_scope %s is not supported; it can only be all", scope)
	}
	var set []string
	for _, is := range []struct {
		name string
		set  bool
	}{
		{"project", s.ProjectID != "" || s.ProjectName != ""},
		{"domain", s.DomainID != "" || s.DomainName != ""},
		{"system_scope", s.System},
		{"trust_id", s.TrustID != ""},
	} {
		if is.set {
			set = append(set, is.name)
		}
	}
	if len(set) > 1 {
		return Scope{}, fault.WithHint(fmt.Errorf("a login is for one thing, and %s are set", strings.Join(set, " and ")), "remove all but one of them")
	}
	return s, nil
}

// refuse gives an error if a setting is set.
func (s settings) refuse(key, what string) error {
	if s.get(key) == nil {
		return nil
	}
	return fmt.Errorf("setting %s is not supported: %s", key, what)
}
