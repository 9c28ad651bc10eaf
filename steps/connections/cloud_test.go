package connections

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
)

func newCloud(t *testing.T) *cloudserver.Cloud {
	t.Helper()
	c, err := cloudserver.New(cloudserver.Config{Region: "West"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// A cloud is reached as its connection says, by an entry of a named file beside the plan or
// by a login of its own, from whatever directory bayplan is called.
func TestCloud(t *testing.T) {
	plain, secure := httptest.NewServer(newCloud(t)), httptest.NewTLSServer(newCloud(t))
	t.Cleanup(func() { plain.Close(); secure.Close() })
	site := t.TempDir()
	for name, text := range map[string]string{
		"ca.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})),
		"lab.yaml": fmt.Sprintf("clouds:\n  lab: &lab {regions: [Mars, West], auth: {auth_url: '%s/v3', username: admin, password: %s, project_name: admin, user_domain_name: Default, project_domain_name: Default}}\n  tls:\n    <<: *lab\n    auth: {auth_url: '%s/v3', username: admin, password: %[2]s, project_name: admin, user_domain_name: Default, project_domain_name: Default}\n",
			plain.URL, cloudserver.DefaultPassword, secure.URL),
	} {
		if err := os.WriteFile(filepath.Join(site, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const login = `user: admin, password: "${secrets.p}", project: admin`
	for _, tc := range []struct{ name, settings, want, hint string }{
		{"an entry of a file by the plan", `cloud: lab, clouds_file: lab.yaml, region: West`, "", ""},
		{"the entry's region", `cloud: lab, clouds_file: lab.yaml`, `no image service in region "Mars"`, "check region_name and interface in SITE/lab.yaml"},
		{"another region", `cloud: lab, clouds_file: lab.yaml, region: East`, "SITE/lab.yaml: there is no region East; there are Mars, West", ""},
		{"an entry that is not in the file", `cloud: prod, clouds_file: lab.yaml`, "not in SITE/lab.yaml, which has lab, tls", "name another clouds_file"},
		{"a file that is not there", `cloud: lab, clouds_file: prod.yaml`, "there is no clouds.yaml (looked for SITE/prod.yaml)", ""},
		{"an entry with a CA of the plan", `cloud: tls, clouds_file: lab.yaml, region: West, ca: ca.pem`, "", ""},
		{"an entry that is not verified", `cloud: tls, clouds_file: lab.yaml, region: West, tls: insecure`, "", ""},
		{"an entry without its CA", `cloud: tls, clouds_file: lab.yaml, region: West`, "unknown authority", "as cacert in SITE/lab.yaml"},

		{"a login", `auth_url: PLAIN/v3, ` + login, "", ""},
		{"a login with a region", `auth_url: PLAIN/v3, region: West, ` + login, "", ""},
		{"a login with domains", `auth_url: PLAIN/v3, user_domain: Default, project_domain: Default, ` + login, "", ""},
		{"a login with a CA", `auth_url: SECURE/v3, ca: ca.pem, ` + login, "", ""},
		{"a login that is not verified", `auth_url: SECURE/v3, tls: insecure, ` + login, "", ""},
		{"a login without its CA", `auth_url: SECURE/v3, ` + login, "unknown authority", "as ca in connections.clouds.here"},
		{"a CA that is not there", `auth_url: SECURE/v3, ca: none.pem, ` + login, "read the authorities: open SITE/none.pem", ""},
		{"a region that is not there", `auth_url: PLAIN/v3, region: Mars, ` + login, `no image service in region "Mars"`, "check region in connections.clouds.here"},
		{"another user", `auth_url: PLAIN/v3, ` + strings.Replace(login, "user: admin", "user: someone", 1), `refuses the credentials of user "someone"`, "in connections.clouds.here"},
		{"another domain", `auth_url: PLAIN/v3, user_domain: other, ` + login, "refuses the credentials", ""},
		{"a secret that is not set", `auth_url: PLAIN/v3, ` + strings.Replace(login, "secrets.p", "secrets.unset", 1), `cloud "here": reading secret "unset"`, "export BAYPLAN_TEST_UNSET"},
		{"an application credential, which the embedded cloud does not know", `auth_url: PLAIN/v3, application_credential_id: "1", application_credential_secret: "${secrets.p}"`, "auth.identity.application_credential", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			t.Setenv("BAYPLAN_TEST_P", cloudserver.DefaultPassword)
			replace := strings.NewReplacer("PLAIN", plain.URL, "SECURE", secure.URL, "SITE", site).Replace
			src := "apiVersion: bayplan/v1\nname: p\nsecrets: { p: { env: BAYPLAN_TEST_P }, unset: { env: BAYPLAN_TEST_UNSET } }\nconnections:\n  clouds:\n    here: { " +
				replace(tc.settings) + " }\nsteps: { d: { type: mkdir } }\n"
			p, errs := plan.Parse(filepath.Join(site, "p.yaml"), []byte(src), plan.Options{})
			set, more := Connect(p)
			if err := append(errs, more...).Err(); err != nil {
				t.Fatal(err)
			}
			c, err := set.Cloud(t.Context(), "here")
			if tc.want == "" && err == nil {
				_, err = c.List(t.Context(), "a")
			}
			if want := replace(tc.want); (want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), want)) {
				t.Errorf("got error %v, want one with %q", err, want)
			}
			if hint := fault.Hint(err); !strings.Contains(hint, replace(tc.hint)) {
				t.Errorf("got hint %q, want one with %q", hint, tc.hint)
			}
		})
	}
}
