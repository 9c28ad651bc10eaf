package runner

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
)

// Where steps run at sites, a step can read only what a step of its own site has written.
func TestSites(t *testing.T) {
	const maker = `
  a: { type: fake, site: one, with: { says: x, writes: /x/file } }
`
	for name, tt := range map[string]struct {
		steps, centre, want string
	}{
		"a path of another site": {
			maker + `  b: { type: fake, site: two, needs: [a], with: { says: y, reads: /x/file } }`, "centre",
			`reads /x/file, which step "a" writes at site "one", and this step runs at site "two"`,
		},
		"a path of the centre": {
			`
  a: { type: fake, with: { says: x, into: [/x] } }
  b: { type: fake, site: two, needs: [a], with: { says: y, reads: /x/file } }`, "centre",
			`which step "a" writes at site "centre"`,
		},
		"an output that names files": {
			maker + `  b: { type: fake, site: two, with: { says: "${steps.a.file}" } }`, "centre",
			`the output "file" of step "a" names files at site "one", and this step runs at site "two"`,
		},
		"a value":                 {maker + `  b: { type: fake, site: two, with: { says: "${steps.a.text}" } }`, "centre", ""},
		"a path of the same site": {maker + `  b: { type: fake, site: one, needs: [a], with: { says: y, reads: /x/file } }`, "centre", ""},
		"the site writes it, too": {
			maker + `
  c: { type: fake, site: two, with: { says: z, writes: /x/file } }
  b: { type: fake, site: two, needs: [a, c], with: { says: y, reads: /x/file } }`, "centre", "",
		},
		"one path at two sites":       {maker + `  b: { type: fake, site: two, with: { says: y, writes: /x/file } }`, "centre", ""},
		"a step that does not follow": {maker + `  b: { type: fake, site: two, with: { says: y, reads: /x/file } }`, "centre", ""},
		"all steps run here":          {maker + `  b: { type: fake, site: two, needs: [a], with: { says: y, reads: /x/file } }`, "", ""},
		"one path, and here":          {maker + `  b: { type: fake, site: two, with: { says: y, writes: /x/file } }`, "", `writes /x/file, which step "a" writes too`},
	} {
		t.Run(name, func(t *testing.T) {
			types := newLab().types()
			types[0].Outputs = append(types[0].Outputs, Output{Name: "file", Doc: "A file.", Local: true})
			p, errs := plan.Parse("plan.yaml", []byte("apiVersion: bayplan/v1\nname: p\nsteps:"+tt.steps+"\n"), plan.Options{Centre: tt.centre})
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			_, errs = Check(p, types)
			if tt.want == "" && len(errs) > 0 || tt.want != "" && (len(errs) != 1 || !strings.Contains(errs[0].Msg, tt.want)) {
				t.Fatalf("got %v", errs)
			}
			if tt.want != "" && tt.centre != "" && errs[0].Hint != `let both steps run at one site, or pass what means the same everywhere: of step "a" that is text, list, id` {
				t.Errorf("the hint is %q", errs[0].Hint)
			}
		})
	}
}
