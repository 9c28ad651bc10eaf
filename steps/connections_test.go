package steps

import (
	"strings"
	"testing"
)

func TestRegistryConnectionMistakes(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"all there is": {
			`{ host: h, ca: ca.pem, cert: c.pem, key: k.pem, token: "${secrets.t}", realms: ["auth.h:8443", "[::1]:5000"], rate: 20, bandwidth: 10MiB, login: config }`, nil,
		},
		"an unknown place of credentials":    {`{ host: h, login: netrc }`, []string{`6:27: "netrc" is not config`}},
		"a certificate without a key":        {`{ host: h, cert: c.pem }`, []string{`6:26: cert and key go together`}},
		"a key without a certificate":        {`{ host: h, key: c.pem }`, []string{`6:10: cert and key go together`}},
		"a token and a user":                 {`{ host: h, user: u, password: "${secrets.t}", token: "${secrets.t}" }`, []string{`6:63: give either a token or user and password`}},
		"a token that is written out":        {`{ host: h, token: hunter2 }`, []string{`6:27: `}},
		"a realm that is an address":         {`{ host: h, realms: ["a", "https://b/token"] }`, []string{`6:34: "https://b/token" holds a scheme; write the host alone`}},
		"an empty realm":                     {`{ host: h, realms: [""] }`, []string{`6:29: an empty host`}},
		"a rate that is too low":             {`{ host: h, rate: -1 }`, []string{`6:26: -1 is not from 1 to 100000`}},
		"a bandwidth without a unit":         {`{ host: h, bandwidth: "10" }`, []string{`6:31: "10" is not a number of bytes such as 10MiB`}},
		"a bandwidth in a unit there is not": {`{ host: h, bandwidth: 10Mbit }`, []string{`6:31: "10Mbit" is not a number of bytes such as 10MiB`}},
		"no bandwidth at all":                {`{ host: h, bandwidth: 0MiB }`, []string{`6:31: "0MiB" is not a number of bytes such as 10MiB`}},
		"less than none":                     {`{ host: h, bandwidth: -1MiB }`, []string{`6:31: "-1MiB" is not a number of bytes such as 10MiB`}},
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
