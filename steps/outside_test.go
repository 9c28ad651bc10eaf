package steps

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/connections"
)

// mistakes checks a plan with these connections and the steps, and gives
// the mistakes without their file.
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
			want:  []string{`5:24: "off" is none of verify, insecure, disabled`},
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
		"a cloud that says nothing": {
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
