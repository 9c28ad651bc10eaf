package cloudsyaml

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
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

// oldNames are older names of settings in auth. A current name comes before an older one.
var oldNames = [...]struct{ now, old string }{
	{"project_id", "tenant_id"}, {"project_name", "tenant_name"}, {"token", "auth_token"}, {"username", "user_name"},
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
	names := known[:]
	for _, o := range oldNames {
		names = append(names, o.old)
	}
	for key, value := range inside {
		if value != nil && !slices.Contains(names, key) {
			return nil, fault.WithHint(fmt.Errorf("setting auth.%s is not supported", key), human.DidYouMean(key, known[:]))
		}
	}
	for _, key := range names {
		in, err := scalar(inside[key], "auth."+key)
		if err != nil {
			return nil, err
		}
		beside, err := scalar(s[key], key)
		if err != nil {
			return nil, err
		}
		if in != "" && beside != "" && in != beside {
			return nil, fault.WithHint(fmt.Errorf("setting %s is in auth and beside it, with two values", key), "remove one of them")
		}
		if auth[key] = in; in == "" {
			auth[key] = beside
		}
	}
	for _, o := range oldNames {
		if auth[o.now] == "" {
			auth[o.now] = auth[o.old]
		}
	}
	shareDomains(auth)
	var err error
	auth["auth_url"], err = s.expand("auth_url", auth["auth_url"])
	return auth, err
}

// shareDomains gives the user and the project the domain that is set for both of them.
// Without a project, domain_id and domain_name say that the token is for the domain.
func shareDomains(auth map[string]string) {
	give := func(to string, from ...string) {
		if auth[to+"_id"] != "" || auth[to+"_name"] != "" {
			return
		}
		for _, from := range from {
			if auth[from+"_id"] != "" || auth[from+"_name"] != "" {
				auth[to+"_id"], auth[to+"_name"] = auth[from+"_id"], auth[from+"_name"]
				return
			}
		}
	}
	give("user_domain", "domain", "default_domain")
	if auth["project_id"] == "" && auth["project_name"] == "" {
		return
	}
	give("project_domain", "domain", "default_domain")
	auth["domain_id"], auth["domain_name"] = "", ""
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
	if auth["auth_url"] == "" {
		return Login{}, errors.New("auth_url is not set")
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
	if _, ok := s[key]; !ok {
		key = "auth_plugin" // its old name
	}
	value, explicit := s[key]
	method, err := scalar(value, key)
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
	if s[key] == nil {
		return nil
	}
	return fmt.Errorf("setting %s is not supported: %s", key, what)
}
