package glance_test

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/internal/redact"
)

// Wherever reading the settings of a cloud ends, what repeats a secret of them is masked.
func TestSecretsOfSettingsThatFail(t *testing.T) {
	const url = "auth_url: 'http://127.0.0.1:1/v3'"
	tests := map[string]struct{ clouds, secure, env string }{
		"the YAML is broken":             {clouds: "clouds:\n  undercloud:\n    auth: {" + url + ", password: *s3cr3t-x}\n"},
		"a setting is not supported":     {clouds: "clouds: {undercloud: {auth: {" + url + ", password: s3cr3t-x}, auth_type: v3kerberos}}\n"},
		"secure.yaml is broken":          {clouds: "clouds: {undercloud: {auth: {" + url + "}}}\n", secure: "clouds:\n  undercloud:\n    password: |\n      s3cr3t-x\n  x\n"},
		"the cloud is not there":         {clouds: "clouds: {other: {auth: {" + url + ", application_credential_secret: s3cr3t-x}}}\n"},
		"the authorities are not there":  {clouds: "clouds: {undercloud: {auth: {" + url + ", username: u, password: s3cr3t-x, project_name: p}, cacert: /nowhere}}\n"},
		"the variables lead elsewhere":   {env: "other"},
		"the variables are not complete": {env: "undercloud"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := cleanEnv(t)
			for file, text := range map[string]string{"clouds.yaml": tt.clouds, "secure.yaml": tt.secure} {
				if text != "" {
					write(t, dir+"/"+file, text)
				}
			}
			if tt.env != "" {
				t.Setenv("OS_AUTH_URL", "http://127.0.0.1:1/v3")
				t.Setenv("OS_CLOUDNAME", tt.env)
				t.Setenv("OS_AUTH_TYPE", "v3totp")
				t.Setenv("OS_PASSWORD", "s3cr3t-x")
			}
			t.Setenv("PWD", dir) // a shell's working directory is no password
			secrets := redact.New()
			_, err := glance.Connect(t.Context(), glance.Options{Cloud: "undercloud", Secrets: secrets})
			if err == nil {
				t.Fatal("no error")
			}
			if got := secrets.Text(err.Error() + ": s3cr3t-x"); strings.Contains(got, "s3cr3t") {
				t.Errorf("got %s", got)
			}
			if got := secrets.Text(dir); got != dir {
				t.Errorf("the directory of clouds.yaml is told as %s", got)
			}
		})
	}
}
