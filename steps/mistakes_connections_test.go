package steps

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/connections"
)

// mistakes checks a plan with these connections and steps, and gives the mistakes
// without the file name.
func mistakes(t *testing.T, text, steps string) []string {
	t.Helper()
	src := "apiVersion: bayplan/v1\nname: p\nconnections:\n" + text + "steps:\n" + steps
	p, errs := plan.Parse("p.yaml", []byte(src), plan.Options{})
	out, more := connections.Connect(p)
	errs = append(errs, more...)
	_, more = runner.Check(p, Builtin(out))
	errs = append(errs, more...)
	if errs.Err() == nil {
		return nil
	}
	return strings.Split(strings.ReplaceAll(errs.Error(), "p.yaml:", ""), "\n")
}

const noSteps = "  d: { type: mkdir, with: { paths: [x] } }\n"

func TestConnectionMistakes(t *testing.T) {
	tests := map[string]struct {
		text  string
		steps string
		want  []string
	}{
		"fine": {
			text:  "  registries:\n    a: { host: \"192.0.2.1:8787\", tls: disabled }\n  clouds:\n    c: { cloud: c }\n",
			steps: noSteps,
		},
		"a scheme in the host": {
			text:  "  registries:\n    a: { host: \"http://192.0.2.1:8787\" }\n",
			steps: noSteps,
			want:  []string{`5:16: "http://192.0.2.1:8787" holds a scheme; write the host alone`},
		},
		"an unknown mode of TLS": {
			text:  "  registries:\n    a: { host: h, tls: off }\n",
			steps: noSteps,
			want:  []string{`5:24: "off" is not one of verify, insecure, disabled`},
		},
		"two connections with one host": {
			text:  "  registries:\n    a: { host: h.example }\n    b: { host: H.example }\n",
			steps: noSteps,
			want:  []string{`6:16: the registries a and b have the same host "H.example"`},
		},
		"a user without a password": {
			text:  "  registries:\n    a: { host: h, user: stack }\n",
			steps: noSteps,
			want:  []string{`5:25: user is given without password`},
		},
		"an unknown secret is not also a missing one": {
			text:  "  registries:\n    a: { host: h, user: stack, password: \"${secrets.token}\" }\n",
			steps: noSteps,
			want:  []string{`5:43: there is no secret "token"`},
		},
		"a cloud without settings": {
			text:  "  clouds:\n    c: {}\n",
			steps: noSteps,
			want:  []string{`5:5: a cloud has one of cloud (an entry of clouds.yaml), auth_url and embedded`},
		},
		"a mistake in a connection is not also one of the step that uses it": {
			text:  "  registries:\n    a: { host: h, concurrency: 100 }\n",
			steps: "  m: { type: mirror, with: { images: x.yaml, to: a } }\n",
			want:  []string{`5:32: 100 is not from 1 to 64`},
		},
		"zero is a number like others": {
			text:  "  registries:\n    a: { host: h, concurrency: 0, rate: 0, keep_pulls: 0 }\n",
			steps: "  m: { type: mirror, with: { images: x.yaml, to: a, parallel: 0, replaced: { keep: 0 } } }\n",
			want: []string{
				"5:32: 0 is not from 1 to 64", "5:41: 0 is not from 1 to 100000", "5:56: 0 is not from 1 to 1000000",
				"7:63: 0 is not from 1 to 64", "7:84: 0 is not from 1 to 9",
			},
		},
		"an unknown connection": {
			text:  "  registries:\n    local: { host: h }\n",
			steps: "  m: { type: mirror, with: { images: x.yaml, to: locl } }\n",
			want:  []string{`7:50: there is no registry "locl" under connections.registries`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, mistakes(t, tt.text, tt.steps)); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCloudConnectionMistakes(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"an entry, all settings":    {`{ cloud: c, clouds_file: c.yaml, region: R, tls: insecure, ca: ca.pem }`, nil},
		"a login, all settings":     {`{ auth_url: "https://h/v3", user: u, password: "${secrets.t}", project: p, user_domain: d, project_domain: e, region: R, tls: verify, ca: ca.pem }`, nil},
		"an application credential": {`{ auth_url: "https://h/v3", application_credential_id: i, application_credential_secret: "${secrets.t}" }`, nil},
		"two ways":                  {`{ cloud: c, auth_url: "https://h/v3" }`, []string{`6:5: a cloud has one of cloud (an entry of clouds.yaml), auth_url and embedded`}},
		"an address without a scheme": {
			`{ auth_url: "h:5000", user: u, password: "${secrets.t}", project: p }`, []string{`6:20: "h:5000" is not an address such as https://192.0.2.1:13000/v3`},
		},
		"an address with a user":         {`{ auth_url: "https://u@h/v3", user: u, password: "${secrets.t}", project: p }`, []string{`6:20: it holds a user; write user and password`}},
		"a password that is written out": {`{ auth_url: "https://h/v3", user: u, password: hunter2, project: p }`, []string{`6:54: `}},
		"no user and no project":         {`{ auth_url: "https://h/v3", password: "${secrets.t}" }`, []string{`6:5: a cloud with auth_url needs user`, `6:5: a cloud with auth_url needs project`}},
		"a user beside an entry":         {`{ cloud: c, user: u }`, []string{`6:26: this goes with auth_url`}},
		"a file beside auth_url":         {`{ auth_url: "https://h/v3", clouds_file: c.yaml, user: u, password: "${secrets.t}", project: p }`, []string{`6:48: a cloud with auth_url has no entry in clouds.yaml`}},
		"half a credential":              {`{ auth_url: "https://h/v3", application_credential_id: i }`, []string{`6:62: application_credential_id is given without application_credential_secret`}},
		"a project beside a credential": {
			`{ auth_url: "https://h/v3", application_credential_id: i, application_credential_secret: "${secrets.t}", project: p }`, []string{`6:121: an application credential has its own user and project`},
		},
		"a CA of an embedded cloud": {`{ embedded: {}, ca: ca.pem }`, []string{`6:28: an embedded cloud has no such setting`}},
		"a host that is no ASCII":   {`{ auth_url: "http://bücher.example:5000", user: u, password: "${secrets.t}", project: p }`, []string{`6:20: "bücher.example:5000" is not the name of a host: it has letters that are not ASCII`}},
		"another mode of TLS":       {`{ cloud: c, tls: disabled }`, []string{`6:25: "disabled" is not one of verify, insecure`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			checkMistakes(t, mistakes(t, "  clouds:\n    c: "+tt.text+"\n", noSteps+"secrets: { t: { env: T } }\n"), tt.want)
		})
	}
}

func TestRegistryConnectionMistakes(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"all settings": {
			`{ host: h, ca: ca.pem, cert: c.pem, key: k.pem, token: "${secrets.t}", realms: ["auth.h:8443", "[::1]:5000"], rate: 20, bandwidth: 10MiB, login: config }`, nil,
		},
		"an unknown source of credentials": {`{ host: h, login: netrc }`, []string{`6:27: "netrc" is not config`}},
		"a certificate without a key":      {`{ host: h, cert: c.pem }`, []string{`6:26: cert is given without key`}},
		"a key without a certificate":      {`{ host: h, key: c.pem }`, []string{`6:25: key is given without cert`}},
		"a token and a user":               {`{ host: h, user: u, password: "${secrets.t}", token: "${secrets.t}" }`, []string{`6:63: give either a token or user and password`}},
		"a token that is written out":      {`{ host: h, token: hunter2 }`, []string{`6:27: `}},
		"a realm that is an address":       {`{ host: h, realms: ["a", "https://b/token"] }`, []string{`6:34: "https://b/token" holds a scheme; write the host alone`}},
		"a host that is no ASCII":          {`{ host: "bücher.example" }`, []string{`6:16: "bücher.example" is not the name of a host: it has letters that are not ASCII`}},
		"an address that is no ASCII":      {`{ host: h, address: "bücher.example:5000" }`, []string{`6:28: "bücher.example:5000" is not the name of a host: it has letters that are not ASCII`}},
		"a realm that is no ASCII":         {`{ host: h, realms: ["bücher.example"] }`, []string{`6:29: "bücher.example" is not the name of a host: it has letters that are not ASCII`}},
		"an address without a port":        {`{ host: h, address: 192.0.2.1 }`, []string{`6:28: "192.0.2.1" is not host:port`}},
		"a host that no image can name":    {`{ host: "my_registry:5000" }`, []string{`6:16: image references cannot name the host "my_registry:5000"`}},
		"a port that is none":              {`{ host: "h:99999" }`, []string{`6:16: "h:99999": the port is not a number from 1 to 65535`}},
		"an empty realm":                   {`{ host: h, realms: [""] }`, []string{`6:29: an empty host`}},
		"a rate that is too low":           {`{ host: h, rate: -1 }`, []string{`6:26: -1 is not from 1 to 100000`}},
		"a bandwidth without a unit":       {`{ host: h, bandwidth: "10" }`, []string{`6:31: "10" is not a number of bytes such as 10MiB`}},
		"a bandwidth in an unknown unit":   {`{ host: h, bandwidth: 10Mbit }`, []string{`6:31: "10Mbit" is not a number of bytes such as 10MiB`}},
		"a bandwidth of zero":              {`{ host: h, bandwidth: 0MiB }`, []string{`6:31: "0MiB" is not a number of bytes such as 10MiB`}},
		"a negative bandwidth":             {`{ host: h, bandwidth: -1MiB }`, []string{`6:31: "-1MiB" is not a number of bytes such as 10MiB`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			checkMistakes(t, mistakes(t, "  registries:\n    a: "+tt.text+"\n", noSteps+"secrets: { t: { env: T } }\n"), tt.want)
		})
	}
}

// checkMistakes compares mistakes without their places.
func checkMistakes(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i, want := range want {
		_, want, _ = strings.Cut(want, ": ")
		if !strings.Contains(got[i], want) || strings.Contains(got[i], "hunter2") {
			t.Errorf("got %q, want %q", got[i], want)
		}
	}
}
