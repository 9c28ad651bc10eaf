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
			want:  []string{`5:25: user and password go together`},
		},
		"an unknown secret is not also a missing one": {
			text:  "  registries:\n    a: { host: h, user: stack, password: \"${secrets.token}\" }\n",
			steps: noSteps,
			want:  []string{`5:43: there is no secret "token"`},
		},
		"a cloud without settings": {
			text:  "  clouds:\n    c: {}\n",
			steps: noSteps,
			want:  []string{`5:5: a cloud says either cloud, an entry of clouds.yaml, or embedded`},
		},
		"a mistake in a connection is not also one of the step that uses it": {
			text:  "  registries:\n    a: { host: h, concurrency: 100 }\n",
			steps: "  m: { type: mirror, with: { images: x.yaml, to: a } }\n",
			want:  []string{`5:32: 100 is not from 1 to 64`},
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

func TestRegistryConnectionMistakes(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"all settings": {
			`{ host: h, ca: ca.pem, cert: c.pem, key: k.pem, token: "${secrets.t}", realms: ["auth.h:8443", "[::1]:5000"], rate: 20, bandwidth: 10MiB, login: config }`, nil,
		},
		"an unknown source of credentials": {`{ host: h, login: netrc }`, []string{`6:27: "netrc" is not config`}},
		"a certificate without a key":      {`{ host: h, cert: c.pem }`, []string{`6:26: cert and key go together`}},
		"a key without a certificate":      {`{ host: h, key: c.pem }`, []string{`6:10: cert and key go together`}},
		"a token and a user":               {`{ host: h, user: u, password: "${secrets.t}", token: "${secrets.t}" }`, []string{`6:63: give either a token or user and password`}},
		"a token that is written out":      {`{ host: h, token: hunter2 }`, []string{`6:27: `}},
		"a realm that is an address":       {`{ host: h, realms: ["a", "https://b/token"] }`, []string{`6:34: "https://b/token" holds a scheme; write the host alone`}},
		"an empty realm":                   {`{ host: h, realms: [""] }`, []string{`6:29: an empty host`}},
		"a rate that is too low":           {`{ host: h, rate: -1 }`, []string{`6:26: -1 is not from 1 to 100000`}},
		"a bandwidth without a unit":       {`{ host: h, bandwidth: "10" }`, []string{`6:31: "10" is not a number of bytes such as 10MiB`}},
		"a bandwidth in an unknown unit":   {`{ host: h, bandwidth: 10Mbit }`, []string{`6:31: "10Mbit" is not a number of bytes such as 10MiB`}},
		"a bandwidth of zero":              {`{ host: h, bandwidth: 0MiB }`, []string{`6:31: "0MiB" is not a number of bytes such as 10MiB`}},
		"a negative bandwidth":             {`{ host: h, bandwidth: -1MiB }`, []string{`6:31: "-1MiB" is not a number of bytes such as 10MiB`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := mistakes(t, "  registries:\n    a: "+tt.text+"\n", noSteps+"secrets: { t: { env: T } }\n")
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			for i, want := range tt.want {
				_, want, _ = strings.Cut(want, ": ")
				if !strings.Contains(got[i], want) || strings.Contains(got[i], "hunter2") {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
		})
	}
}
