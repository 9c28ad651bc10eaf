package cloudsyaml_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/cloudsyaml"
	"github.com/bayplan/bayplan/internal/fault"
)

// cleanEnv takes away what the machine says about clouds, and gives a directory to be in.
func cleanEnv(t *testing.T) string {
	t.Helper()
	for _, v := range os.Environ() {
		if key, _, _ := strings.Cut(v, "="); strings.HasPrefix(key, "OS_") {
			t.Setenv(key, "")
		}
	}
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Chdir(dir)
	return dir
}

// writeFiles writes files: each begins with a line "-- NAME --". A text without such a line
// is a clouds.yaml.
func writeFiles(t *testing.T, dir, text string) {
	t.Helper()
	if !strings.HasPrefix(text, "-- ") {
		text = "-- clouds.yaml --\n" + text
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(text, "-- "), "\n-- ") {
		name, content, _ := strings.Cut(part, " --\n")
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// flat writes what is set of a cloud on one line.
func flat(c cloudsyaml.Cloud) string {
	l, s := c.Login, c.Login.Scope
	var parts []string
	for _, set := range [...][2]string{
		{"url", l.AuthURL},
		{"user_id", l.UserID},
		{"user", l.Username},
		{"user_domain_id", l.UserDomainID},
		{"user_domain", l.UserDomainName},
		{"password", l.Password},
		{"token", l.Token},
		{"appcred_id", l.ApplicationCredentialID},
		{"appcred", l.ApplicationCredentialName},
		{"appcred_secret", l.ApplicationCredentialSecret},
		{"project_id", s.ProjectID},
		{"project", s.ProjectName},
		{"project_domain_id", s.ProjectDomainID},
		{"project_domain", s.ProjectDomainName},
		{"domain_id", s.DomainID},
		{"domain", s.DomainName},
		{"system", map[bool]string{true: "all"}[s.System]},
		{"trust", s.TrustID},
		{"region", c.Image.Region},
		{"interface", strings.Join(c.Image.Interfaces, ",")},
		{"endpoint", c.Image.Endpoint},
		{"type", c.Image.Type},
		{"name", c.Image.Name},
		{"insecure", map[bool]string{true: "true"}[c.TLS.Insecure]},
		{"ca", c.TLS.CA},
		{"cert", c.TLS.Cert},
		{"key", c.TLS.Key},
	} {
		if set[1] != "" {
			parts = append(parts, set[0]+"="+set[1])
		}
	}
	return strings.Join(parts, " ")
}

const (
	usual  = "url=http://h/v3 user=u user_domain=D password=p project=t project_domain=D"
	asUser = "auth_url: 'http://h/v3', username: u, password: p, user_domain_name: D"
	auth   = "auth: {" + asUser + ", project_name: t, project_domain_name: D}"
)

// good are files and what openstacksdk 0.101 makes of the cloud x in them. It was asked for
// each of them but the ones that say so.
var good = []struct{ name, files, want string }{
	{"plain", "clouds: {x: {" + auth + "}}", usual + " interface=public"},
	{"an own key wins over <<", "base: &b {region_name: A, " + auth + "}\nclouds: {x: {<<: *b, region_name: B}}", usual + " region=B interface=public"},
	{"<< below the own key", "base: &b {region_name: A, " + auth + "}\nclouds:\n  x:\n    region_name: B\n    <<: *b\n", usual + " region=B interface=public"},
	{"<< in auth", "s: &s {password: q, username: v}\nclouds: {x: {auth: {<<: *s, auth_url: 'http://h/v3', username: u}}}", "url=http://h/v3 user=u password=q interface=public"},
	{"the last of equal keys", "clouds: {x: {region_name: A, " + auth + ", region_name: B}}", usual + " region=B interface=public"},
	{"the last of equal clouds", "clouds:\n  x: {auth: {auth_url: 'http://a'}}\n  x: {" + auth + "}\n", usual + " interface=public"},
	{"an entry that is not used with a key twice", "clouds:\n  y: {auth: {a: 1, a: 2}}\n  x: {" + auth + "}\n", usual + " interface=public"},
	{"another cloud without a name", "clouds: {~: {auth: {auth_url: a}}, 1: {}, x: {" + auth + "}}", usual + " interface=public"},
	{"another cloud that is a text", "clouds: {y: text, z: {auth: text}, x: {" + auth + "}}", usual + " interface=public"},

	{"the first region", "clouds: {x: {" + auth + ", regions: [West, East]}}", usual + " region=West interface=public"},
	{"regions before region_name", "clouds: {x: {" + auth + ", regions: [West, East], region_name: East}}", usual + " region=West interface=public"},
	{
		"a region with values", "clouds: {x: {" + auth + ", interface: internal, regions: [{name: West, values: {interface: admin, auth: {project_name: w}}}, East]}}",
		strings.Replace(usual, "project=t", "project=w", 1) + " region=West interface=admin",
	},
	{
		"a region with an address", "clouds: {x: {" + auth + ", image_endpoint_override: 'http://a', regions: [{name: W, values: {image_endpoint_override: 'http://{region_name}:9292'}}]}}",
		usual + " region=W interface=public endpoint=http://W:9292",
	},
	{"a region's name alone", "clouds: {x: {" + auth + ", regions: [{name: W}]}}", usual + " region=W interface=public"},
	{"no regions", "clouds: {x: {" + auth + ", regions: [], region_name: W}}", usual + " interface=public"},
	{"region_name with commas", "clouds: {x: {" + auth + ", region_name: 'W,E'}}", usual + " region=W interface=public"},
	{"region_name as a list", "clouds: {x: {" + auth + ", region_name: [W, E]}}", usual + " region=W interface=public"},
	{"a region in the auth_url", "clouds: {x: {region-name: W, auth: {auth_url: 'http://{region_name}.h/v3', username: u, password: '{p'}}}", "url=http://W.h/v3 user=u password={p region=W interface=public"},

	{"image_endpoint_override", "clouds: {x: {" + auth + ", image_endpoint_override: 'http://192.0.2.9:9292/v2'}}", usual + " interface=public endpoint=http://192.0.2.9:9292/v2"},
	{"image_endpoint", "clouds: {x: {" + auth + ", image-endpoint: 'http://192.0.2.9:9292'}}", usual + " interface=public endpoint=http://192.0.2.9:9292"},
	{"other services", "clouds: {x: {" + auth + ", compute_endpoint_override: 'http://c', identity_api_version: 3, volume_api_version: 2, networks: [{name: n}], floating_ip_source: None}}", usual + " interface=public"},
	{
		"of the image service", "clouds: {x: {" + auth + ", region_name: A, image_region_name: B, image_service_name: g, image_service_type: imagev2, image_interface: admin, image_api_version: 2}}",
		usual + " region=B interface=admin type=imagev2 name=g",
	},
	{"image_api_version 2.9", "clouds: {x: {" + auth + ", image_api_version: '2.9'}}", usual + " interface=public"},
	{"endpoint_type", "clouds: {x: {" + auth + ", interface: public, endpoint_type: internal}}", usual + " interface=internal"},
	{"endpoint_type first", "clouds: {x: {" + auth + ", endpoint_type: internal, interface: public}}", usual + " interface=internal"},
	{"image_endpoint_type", "clouds: {x: {" + auth + ", interface: public, image_endpoint_type: internal}}", usual + " interface=internal"},
	{"a list of interfaces", "clouds: {x: {" + auth + ", interface: [internal, public]}}", usual + " interface=internal,public"},

	{"verify: no", "clouds: {x: {" + auth + ", verify: no}}", usual + " interface=public insecure=true"},
	{"insecure in quotes", "clouds: {x: {" + auth + ", insecure: 'True'}}", usual + " interface=public insecure=true"},
	{"insecure before verify", "clouds: {x: {" + auth + ", insecure: true, verify: true}}", usual + " interface=public insecure=true"},
	{"certificates", "clouds: {x: {" + auth + ", cacert: ~/ca.pem, cert: c.pem, key: k.pem}}", usual + " interface=public ca=HOME/ca.pem cert=c.pem key=k.pem"},
	{"verify is a path", "clouds: {x: {" + auth + ", verify: /ca.pem}}", usual + " interface=public ca=/ca.pem"},

	{"profile without its file", "clouds: {x: {profile: nope, " + auth + "}}", usual + " interface=public"},
	{"cloud: itself", "clouds: {x: {cloud: x, " + auth + "}}", usual + " interface=public"},
	{
		"profile", "-- clouds.yaml --\nclouds: {x: {profile: v, auth: {username: u, password: p}}}\n-- clouds-public.yaml --\npublic-clouds: {v: {auth: {auth_url: 'http://v', username: w}, region_name: R, interface: admin}}\n",
		"url=http://v user=u password=p region=R interface=admin",
	},
	{
		"profile with regions", "-- clouds.yaml --\nclouds: {x: {cloud: v, auth: {username: u, password: p}}}\n-- clouds-public.yaml --\npublic-clouds: {v: {auth: {auth_url: 'http://v'}, regions: [{name: A, values: {image_endpoint_override: 'http://g'}}]}}\n",
		"url=http://v user=u password=p region=A interface=public endpoint=http://g",
	},
	{"all of auth in secure.yaml", "-- clouds.yaml --\nclouds: {x: {region_name: A}}\n-- secure.yaml --\nclouds: {x: {" + auth + "}}\n", usual + " region=A interface=public"},
	{"the cloud in secure.yaml", "-- clouds.yaml --\nclouds: {}\n-- secure.yaml --\nclouds: {x: {" + auth + "}}\n", usual + " interface=public"},
	{"secure.yaml wins", "-- clouds.yaml --\nclouds: {x: {" + auth + "}}\n-- secure.yaml --\nclouds: {x: {region_name: S, auth: {password: q}}}\n", strings.Replace(usual, "password=p", "password=q", 1) + " region=S interface=public"},
	{"secure.yaml of the user", "-- clouds.yaml --\nclouds: {x: {auth: {" + asUser + "}}}\n-- .config/openstack/secure.yaml --\nclouds: {x: {auth: {password: q}}}\n", "url=http://h/v3 user=u user_domain=D password=q interface=public"},
	{"clouds.yaml of the user", "-- .config/openstack/clouds.yaml --\nclouds: {x: {" + auth + "}}\n", usual + " interface=public"},
	{"clouds.yml", "-- clouds.yml --\nclouds: {x: {" + auth + "}}\n", usual + " interface=public"},
	{"clouds.json", "-- clouds.json --\n{\"clouds\": {\"x\": {\"auth\": {\"auth_url\": \"http://h/v3\", \"username\": \"u\", \"password\": \"p\"}}}}\n", "url=http://h/v3 user=u password=p interface=public"},
	{"clouds.yaml before clouds.yml", "-- clouds.yml --\nclouds: {x: {auth: {auth_url: 'http://a'}}}\n-- clouds.yaml --\nclouds: {x: {" + auth + "}}\n", usual + " interface=public"},

	{"tenant_name", "clouds: {x: {auth: {" + asUser + ", tenant_name: t, project_domain_name: D}}}", usual + " interface=public"},
	{"tenant_name and project_name", "clouds: {x: {auth: {" + asUser + ", tenant_name: s, project_name: t, project_domain_name: D}}}", usual + " interface=public"},
	{"tenant-id", "clouds: {x: {auth: {" + asUser + ", tenant-id: t}}}", "url=http://h/v3 user=u user_domain=D password=p project_id=t interface=public"},
	{"beside auth", "clouds: {x: {auth_url: 'http://h/v3', username: u, password: p, project-name: t, user_domain_name: D, project_domain_name: D}}", usual + " interface=public"},
	{"domain_name for both", "clouds: {x: {auth: {auth_url: 'http://h/v3', username: u, password: p, project_name: t, domain_name: D}}}", usual + " interface=public"},
	{"domain_id beside auth", "clouds: {x: {domain-id: d, auth: {auth_url: 'http://h/v3', username: u, password: p, project_name: t}}}", "url=http://h/v3 user=u user_domain_id=d password=p project=t project_domain_id=d interface=public"},
	{"default_domain_name", "clouds: {x: {auth: {auth_url: 'http://h/v3', username: u, password: p, project_name: t, default_domain_name: D}}}", usual + " interface=public"},
	{"a domain", "clouds: {x: {auth: {" + asUser + ", domain_name: E}}}", "url=http://h/v3 user=u user_domain=D password=p domain=E interface=public"},
	{"the system", "clouds: {x: {auth: {" + asUser + ", system_scope: all}}}", "url=http://h/v3 user=u user_domain=D password=p system=all interface=public"},
	{"a trust", "clouds: {x: {auth: {" + asUser + ", trust_id: t}}}", "url=http://h/v3 user=u user_domain=D password=p trust=t interface=public"},
	{"user_id", "clouds: {x: {auth: {auth_url: 'http://h/v3', user_id: i, password: p, project_id: t}}}", "url=http://h/v3 user_id=i password=p project_id=t interface=public"},
	{"v3token", "clouds: {x: {auth_type: v3token, auth: {auth_url: 'http://h/v3', token: k, project_id: t}}}", "url=http://h/v3 token=k project_id=t interface=public"},
	{"auth-token", "clouds: {x: {auth_type: token, auth: {auth_url: 'http://h/v3', auth-token: k, project_id: t}}}", "url=http://h/v3 token=k project_id=t interface=public"},
	{
		"application credential", "clouds: {x: {auth_type: v3applicationcredential, auth: {auth_url: 'http://h/v3', application_credential_id: i, application_credential_secret: s}}}",
		"url=http://h/v3 appcred_id=i appcred_secret=s interface=public",
	},
	{
		"application credential by name", "clouds: {x: {auth_type: v3applicationcredential, auth: {auth_url: 'http://h/v3', username: u, user_domain_name: D, application_credential_name: i, application_credential_secret: s}}}",
		"url=http://h/v3 user=u user_domain=D appcred=i appcred_secret=s interface=public",
	},
	{"v2password", "clouds: {x: {auth_type: v2password, auth: {auth_url: 'http://h/v2.0', username: u, password: p, tenant_name: t}}}", "url=http://h/v2.0 user=u password=p project=t interface=public"},
	{"numbers and dates", "clouds: {x: {auth: {auth_url: 'http://h/v3', username: 12, password: 2024-01-01, project_name: 1.5, project_domain_id: 1e3}}}", "url=http://h/v3 user=12 password=2024-01-01 project=1.5 project_domain_id=1e3 interface=public"},

	// openstacksdk fails here, or does not see the setting, and what is meant is clear.
	{"auth is empty", "clouds: {x: {auth: , auth_url: 'http://h/v3', username: u, password: p}}", "url=http://h/v3 user=u password=p interface=public"},
	{"a token without auth_type", "clouds: {x: {auth: {auth_url: 'http://h/v3', token: k, project_id: t}}}", "url=http://h/v3 token=k project_id=t interface=public"},
	{"an application credential without auth_type", "clouds: {x: {auth: {auth_url: 'http://h/v3', application_credential_id: i, application_credential_secret: s}}}", "url=http://h/v3 appcred_id=i appcred_secret=s interface=public"},
	{"auth_plugin", "clouds: {x: {auth_plugin: v3token, auth: {auth_url: 'http://h/v3', token: k, project_id: t}}}", "url=http://h/v3 token=k project_id=t interface=public"},
	{"nothing is nothing", "clouds: {x: {region_name: ~, interface: , image_endpoint_override: null, auth: {" + asUser + ", user_id: ~, project_name: t, project_domain_name: D}}}", usual + " interface=public"},
	{"an alias of nothing that is not used", "clouds: {y: {auth: *none}, x: {" + auth + "}}", usual + " interface=public"},
	{"a byte order mark", "\ufeffclouds: {x: {" + auth + "}}", usual + " interface=public"},
	{"CRLF", "clouds:\r\n  x:\r\n    region_name: W\r\n    " + auth + "\r\n", usual + " region=W interface=public"},
}

func TestFind(t *testing.T) {
	for _, tc := range slices.Concat(good, judged) {
		t.Run(tc.name, func(t *testing.T) {
			dir := cleanEnv(t)
			writeFiles(t, dir, tc.files)
			c, err := cloudsyaml.Find(t.Context(), cloudsyaml.Request{Cloud: "x"})
			if err != nil {
				t.Fatal(err, fault.Hint(err))
			}
			if got, want := flat(c), strings.ReplaceAll(tc.want, "HOME", dir); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// What would lead to another place or another user is refused by its name. Nothing else in
// the entry is shown: it may hold passwords.
func TestFindRefuses(t *testing.T) {
	const more = ", " + auth + "}}"
	for _, tc := range []struct{ name, files, want, hint string }{
		{"no such cloud", "clouds: {y: {}, a: {}}", "not in DIR/clouds.yaml, which has a, y", "add it there"},
		{"no clouds", "clouds:\n", "not in DIR/clouds.yaml, which has no clouds", "add it there"},
		{"no file", "-- other --\n", "there is no clouds.yaml (looked in DIR, DIR/.config/openstack, /etc/xdg/openstack, /etc/openstack)", "OS_CLIENT_CONFIG_FILE"},
		{"no auth_url", "clouds: {x: {region_name: A}}", "DIR/clouds.yaml: auth_url is not set", ""},
		{"no auth_url, and a profile that is not there", "clouds: {x: {profile: ovh, auth: {username: u, password: s3cr3t}}}", "DIR/clouds.yaml: auth_url is not set", "the vendor profile ovh is not used: there is no clouds-public.yaml"},
		{"a tag of another program", "clouds: {x: {auth: {auth_url: 'http://a', username: u, password: !vault s3cr3t}}}", "setting auth.password has the tag !vault, which the openstack command does not read", "without a tag"},
		{"a tag of other bytes", "clouds: {x: {auth: {auth_url: 'http://a', username: !!binary dQ==, password: s3cr3t}}}", "setting auth.username has the tag !!binary", ""},
		{"another method", "clouds: {x: {auth_type: v3oidcpassword" + more, "auth_type v3oidcpassword is not supported", "bayplan knows password, "},
		{"another method by its old name", "clouds: {x: {auth_plugin: v3totp" + more, "auth_plugin v3totp is not supported", ""},
		{"no method", "clouds: {x: {auth_type: " + more, "auth_type none is not supported", ""},
		{"admin_token", "clouds: {x: {auth_type: admin_token, auth: {endpoint: 'http://g', token: s3cr3t}}}", "setting auth.endpoint is not supported", ""},
		{"a second factor", "clouds: {x: {passcode: s3cr3t" + more, "setting passcode is not supported", ""},
		{"no token", "clouds: {x: {auth_type: token" + more, "auth_type is token, and the token is not set", "set token in auth"},
		{"no application credential", "clouds: {x: {auth_type: v3applicationcredential" + more, "the application credential is not set", "application_credential_id"},
		{"a project beside an application credential", "clouds: {x: {auth: {auth_url: 'http://a', application_credential_id: i, application_credential_secret: s3cr3t, project_name: p}}}", "an application credential has its project", "remove the project"},
		{"a misspelt setting", "clouds: {x: {auth: {auth_url: 'http://a', usrname: s3cr3t}}}", "setting auth.usrname is not supported", "did you mean username?"},
		{"a setting in the wrong place", "clouds: {x: {auth: {auth_url: 'http://a', region_name: s3cr3t}}}", "setting auth.region_name is not supported", ""},
		{"two projects", "clouds: {x: {project_name: s3cr3t" + more, "setting project_name is in auth and beside it, with two values", "remove one"},
		{"two scopes", "clouds: {x: {auth: {auth_url: 'http://a', system_scope: all, project_name: s3cr3t}}}", "project and system_scope are set", "all but one"},
		{"another system", "clouds: {x: {auth: {auth_url: 'http://a', system_scope: some}}}", "system_scope some is not supported", ""},
		{"a v2 method with a v3 address", "clouds: {x: {auth_type: v2password" + more, "needs an auth_url that ends in /v2.0", ""},
		{"a number of YAML 1.1", "clouds: {x: {auth: {auth_url: 'http://a', password: 0123}}}", "setting auth.password is a number that the openstack command reads in another way", "in quotes"},
		{"a list as the user", "clouds: {x: {auth: {auth_url: 'http://a', username: [s3cr3t]}}}", "setting auth.username is not a single value", ""},

		{"version 1 of the image service", "clouds: {x: {image_api_version: 1" + more, "setting image_api_version 1 is not supported", ""},
		{"no image service", "clouds: {x: {has_image: false" + more, "setting has_image says that the cloud has no image service", ""},
		{"another interface", "clouds: {x: {interface: auth" + more, "setting interface auth is not supported", "public, internal and admin"},
		{"another image interface", "clouds: {x: {image_endpoint_type: privateURL" + more, "setting image_interface privateURL is not supported", ""},
		{"an override that is not an address", "clouds: {x: {image_endpoint_override: glance" + more, "setting image_endpoint_override is not an address", "http://"},
		{"a name in braces that is not there", "clouds: {x: {image_endpoint_override: 'http://{zone}'" + more, "setting image_endpoint_override names {zone}, and there is no setting zone", ""},
		{"verify is a word", "clouds: {x: {verify: never" + more, "setting verify is neither true nor false", ""},
		{"verify is a word in quotes", "clouds: {x: {verify: 'false'" + more, "setting verify is neither true nor false, nor the path", "without quotes"},
		{"a project that is empty", "clouds: {x: {auth: {auth_url: 'http://a', project_name: }}}", "setting project_name is empty, which the openstack command reads as the text None", "or remove it"},
		{"an id that is empty beside a name", "clouds: {x: {auth: {auth_url: 'http://a', project_id: ~, project_name: t}}}", "setting project_id is empty", ""},
		{"a domain that is empty", "clouds: {x: {user-domain-id: " + more, "setting user-domain-id is empty", ""},
		{"a user that is a boolean", "clouds: {x: {auth: {auth_url: 'http://a', username: no}}}", "setting auth.username is a word that the openstack command reads as false", "in quotes"},
		{"a project that is a boolean", "clouds: {x: {auth: {auth_url: 'http://a', project_name: On}}}", "setting auth.project_name is a word that the openstack command reads as true", "in quotes"},
		{"a trust beside a project", "clouds: {x: {trust_id: s3cr3t" + more, "project and trust_id are set", "all but one"},
		{"two domains", "clouds: {x: {domain_id: s3cr3t, auth: {auth_url: 'http://a', domain_id: d, project_name: t}}}", "setting domain_id is in auth and beside it, with two values", "remove one"},
		{"an identity service without an address", "clouds: {x: {auth: {auth_url: a}}}", "setting auth_url is not an address", "http://"},
		{"a host that is no ASCII", "clouds: {x: {auth: {auth_url: 'http://bücher.example/v3'}}}", "setting auth_url: \"bücher.example\" is not the name of a host: it has letters that are not ASCII", "xn--"},
		{"an override whose host is no ASCII", "clouds: {x: {image_endpoint_override: 'http://bücher.example'" + more, "setting image_endpoint_override: \"bücher.example\"", "xn--"},
		{"a profile at an address", "clouds: {x: {profile: 'https://v.example'" + more, "setting profile: an address is not supported", ""},
		{"regions is a text", "clouds: {x: {regions: West" + more, "setting regions is not a list", ""},
		{"a region with another setting", "clouds: {x: {regions: [{name: A, value: {}}]" + more, "setting regions[0].value is not supported", ""},
		{"a region without a name", "clouds: {x: {regions: [{values: {}}]" + more, "setting regions[0] has no name", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := cleanEnv(t)
			writeFiles(t, dir, tc.files)
			_, err := cloudsyaml.Find(t.Context(), cloudsyaml.Request{Cloud: "x"})
			if want := strings.ReplaceAll(tc.want, "DIR", dir); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("got error %v, want one with %q", err, want)
			}
			if hint := fault.Hint(err); !strings.Contains(hint, tc.hint) || strings.Contains(hint, "s3cr3t") {
				t.Errorf("got hint %q, want one with %q", hint, tc.hint)
			}
		})
	}
}

// What is not used, and looks as if it decided something, is told.
func TestNotes(t *testing.T) {
	for _, tc := range []struct{ name, files, want string }{
		{"nothing to tell", "clouds: {x: {" + auth + ", compute_endpoint_override: 'http://c'}}", ""},
		{"a profile without its file", "clouds: {x: {profile: v, " + auth + "}}", "the vendor profile v is not used: there is no clouds-public.yaml"},
		{"a profile that is not in its file", "-- clouds.yaml --\nclouds: {x: {cloud: v, " + auth + "}}\n-- clouds-public.yml --\npublic-clouds: {}\n", "the vendor profile v is not used: it is not in DIR/clouds-public.yml"},
		{"region_name beside regions", "clouds: {x: {regions: [West, East], region_name: East, " + auth + "}}", "regions begins with West, so region_name East is not used"},
		{"endpoint-type", "clouds: {x: {endpoint-type: internal, " + auth + "}}", "setting endpoint-type is not used: the openstack command reads only endpoint_type"},
		{"auth-type", "clouds: {x: {auth-type: v3token, " + auth + "}}", "setting auth-type is not used: the openstack command reads only auth_type"},
		{"an empty verify beside cacert", "clouds: {x: {verify: , cacert: /ca.pem, " + auth + "}}", "setting cacert is not used: verify is empty, so the openstack command takes the machine's authorities"},
		{"no service's name", "clouds: {x: {endpoint_override: 'http://c', " + auth + "}}", "DIR/clouds.yaml: setting endpoint_override is not used: that of the image service is image_endpoint_override"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := cleanEnv(t)
			writeFiles(t, dir, tc.files)
			c, err := cloudsyaml.Find(t.Context(), cloudsyaml.Request{Cloud: "x"})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := strings.Join(c.Notes, "\n"), strings.ReplaceAll(tc.want, "DIR", dir); !strings.Contains(got, want) || (want == "") != (got == "") {
				t.Errorf("got note %q, want one with %q", got, want)
			}
		})
	}
}

// A request may name the file and the region.
func TestRequest(t *testing.T) {
	dir := cleanEnv(t)
	writeFiles(t, dir, "-- clouds.yaml --\nclouds: {x: {auth: {auth_url: 'http://a'}}}\n-- sub/mine.yaml --\nclouds: {x: {regions: [West, {name: East, values: {interface: admin}}], "+auth+"}}\n-- sub/secure.yaml --\nclouds: {x: {auth: {password: q}}}\n")
	for _, tc := range []struct {
		request    cloudsyaml.Request
		want, fail string
	}{
		{cloudsyaml.Request{Cloud: "x", File: dir + "/sub/mine.yaml"}, " region=West interface=public", ""},
		{cloudsyaml.Request{Cloud: "x", File: dir + "/sub/mine.yaml", Region: "East"}, " region=East interface=admin", ""},
		{cloudsyaml.Request{Cloud: "x", File: dir + "/sub/mine.yaml", Region: "Mars"}, "", "there is no region Mars; there are West, East"},
		{cloudsyaml.Request{Cloud: "x", File: dir + "/sub/none.yaml"}, "", "there is no clouds.yaml (looked for " + dir + "/sub/none.yaml)"},
		{cloudsyaml.Request{Cloud: "y", File: dir + "/sub/mine.yaml"}, "", "not in " + dir + "/sub/mine.yaml, which has x"},
	} {
		t.Setenv("OS_AUTH_URL", "http://of.another") // it does not count where a file is named
		c, err := cloudsyaml.Find(t.Context(), tc.request)
		switch {
		case tc.fail != "":
			if err == nil || !strings.Contains(err.Error(), tc.fail) {
				t.Errorf("%+v: got error %v, want %q", tc.request, err, tc.fail)
			}
		case err != nil:
			t.Errorf("%+v: %v", tc.request, err)
		default:
			if got, want := flat(c), strings.Replace(usual, "password=p", "password=q", 1)+tc.want; got != want {
				t.Errorf("%+v: got %s, want %s", tc.request, got, want)
			}
		}
	}
}

// The variables of a sourced rc file are examined like an entry.
func TestEnvironment(t *testing.T) {
	const user = "OS_AUTH_URL=http://h/v3 OS_USERNAME=u OS_PASSWORD=p OS_USER_DOMAIN_NAME=D OS_PROJECT_DOMAIN_NAME=D "
	for _, tc := range []struct{ name, env, want, fail string }{
		{"stackrc", user + "OS_PROJECT_NAME=t OS_CLOUDNAME=x OS_AUTH_TYPE=password OS_IDENTITY_API_VERSION=3 OS_NO_CACHE=True OS_IMAGE_API_VERSION=1", usual + " interface=public", ""},
		{"tenant", user + "OS_TENANT_NAME=t OS_REGION_NAME=R OS_ENDPOINT_TYPE=internalURL OS_CACERT=/ca.pem", usual + " region=R interface=internal ca=/ca.pem", ""},
		{"override", user + "OS_PROJECT_NAME=t OS_IMAGE_ENDPOINT_OVERRIDE=http://g:9292 OS_INSECURE=true", usual + " interface=public endpoint=http://g:9292 insecure=true", ""},
		{"application credential", "OS_AUTH_URL=http://a OS_AUTH_TYPE=v3applicationcredential OS_APPLICATION_CREDENTIAL_ID=i OS_APPLICATION_CREDENTIAL_SECRET=s", "url=http://a appcred_id=i appcred_secret=s interface=public", ""},
		{"token", "OS_AUTH_URL=http://a OS_TOKEN=k OS_PROJECT_ID=i", "url=http://a token=k project_id=i interface=public", ""},
		{"another method", user + "OS_AUTH_TYPE=v3kerberos", "", "the OS_* environment variables: auth_type v3kerberos is not supported"},
		{"another cloud", user + "OS_CLOUD=y", "", `not in clouds.yaml, and the OS_* variables are those of cloud "y" (OS_CLOUD)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cleanEnv(t)
			for pair := range strings.FieldsSeq(tc.env) {
				key, value, _ := strings.Cut(pair, "=")
				t.Setenv(key, value)
			}
			c, err := cloudsyaml.Find(t.Context(), cloudsyaml.Request{Cloud: "x"})
			if got := flat(c); got != tc.want && tc.fail == "" || err != nil && (tc.fail == "" || !strings.Contains(err.Error(), tc.fail)) || (tc.fail != "" && err == nil) {
				t.Errorf("got %s, %v\nwant %s%s", got, err, tc.want, tc.fail)
			}
		})
	}
}
