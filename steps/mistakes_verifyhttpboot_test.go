package steps

import (
	"strings"
	"testing"
)

// The check of a plan reports a step that checks nothing, unless its settings are
// references.
func TestVerifyHTTPBootMistakes(t *testing.T) {
	const nothing = "neither files nor script names anything to check"
	placed := "  p: { type: place, with: { into: d, files: [f] } }\n"
	tests := map[string]struct{ with, want string }{
		"nothing":                {"dir: httpboot", nothing},
		"no files":               {"dir: httpboot, files: []", nothing},
		"a script":               {"dir: httpboot, script: inspector.ipxe", ""},
		"files by reference":     {`dir: httpboot, files: "${steps.p.files}"`, ""},
		"a script yet to be had": {`dir: httpboot, files: [], script: "${steps.h.callback_url}"`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			steps := placed + "  h: { type: verify-http-boot, with: { dir: e, files: [f] } }\n"
			got := strings.Join(mistakes(t, "  registries: {}\n", steps+"  it: { type: verify-http-boot, with: { "+tt.with+" } }\n"), "\n")
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
