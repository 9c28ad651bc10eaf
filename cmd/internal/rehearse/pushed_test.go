package rehearse

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/checksum"
)

// A trial is a rehearsal of plans that a test writes.
type trial struct {
	files map[string]string // by name; those that end with .yaml in no directory are plans
	plans []string          // their order; nil: bayplan.yaml
	want  []string          // of what is said; none: nothing is wrong
	not   string            // is not said
}

// planHead begins the plans of trials.
const planHead = "apiVersion: bayplan/v1\nname: trial\n"

// run rehearses the plans in a directory of its own.
func (tt trial) run(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range tt.files {
		if strings.HasSuffix(name, ".yaml") && strings.HasPrefix(text, "steps:") {
			text = planHead + text
		}
		if err := write(filepath.Join(dir, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if tt.plans == nil {
		tt.plans = []string{"bayplan.yaml"}
	}
	tt.rehearse(t, dir)
}

// rehearse rehearses the plans of a directory.
func (tt trial) rehearse(t *testing.T, dir string) {
	t.Helper()
	var plans []string
	for _, name := range tt.plans {
		plans = append(plans, filepath.Join(dir, name))
	}
	said, ok, err := rehearsed(t, Options{}, plans...)
	if err != nil {
		said += err.Error()
	}
	if wrong := len(tt.want) > 0 && !slices.Contains(tt.want, "nothing is wrong"); ok == wrong {
		t.Errorf("ok is %v, said:\n%s", ok, said)
		return
	}
	for _, want := range tt.want {
		if !strings.Contains(said, want) {
			t.Errorf("said:\n%s\nwant %s", said, want)
		}
	}
	if tt.not != "" && strings.Contains(said, tt.not) {
		t.Errorf("said:\n%s\nand not %s", said, tt.not)
	}
	if strings.Contains(said, "bayplan-rehearse-") || strings.Contains(said, os.Getenv("TMPDIR")) {
		t.Errorf("the root is said:\n%s", said)
	}
}

// A registry that plans push to has what is pushed, and what was there before: the
// repositories that a plan reads and none pushes.
func TestPushed(t *testing.T) {
	plan := func(steps string) map[string]string { return map[string]string{"bayplan.yaml": "steps:\n" + steps} }
	const fill = `  a: { type: mirror, with: { images: ["quay.io/team/application:v1"], to: central.example.com } }` + "\n"
	copyOf := func(image string) string {
		return `  b: { type: mirror, needs: [a], with: { images: ["central.example.com/` + image + `"], to: edge.example.com } }` + "\n"
	}
	first, second := planHead+"steps:\n"+fill, strings.ReplaceAll(planHead+"steps:\n"+copyOf("team/application:v3"), "needs: [a], ", "")
	list := "steps:\n" + `  a: { type: mirror, with: { images: list.txt, to: central.example.com } }` + "\n"
	for name, tt := range map[string]trial{
		"what is pushed":      {files: plan(fill + copyOf("team/application:v1"))},
		"another tag of it":   {files: plan(fill + copyOf("team/application:v3")), want: []string{"bayplan.yaml:5:3: b: ", "no step before pushes central.example.com/team/application:v3; the plans push v1"}},
		"another repository":  {files: plan(fill + copyOf("base/image:9"))},
		"a misspelled one":    {files: plan(fill + copyOf("team/aplication:v1")), want: []string{"bayplan.yaml:5:3: b: ", "did you mean team/application?"}},
		"a later plan":        {files: map[string]string{"1.yaml": first, "2.yaml": second}, plans: []string{"1.yaml", "2.yaml"}, want: []string{"2.yaml:4:3: b: ", "the plans push v1"}},
		"an earlier plan":     {files: map[string]string{"1.yaml": first, "2.yaml": strings.ReplaceAll(second, ":v3", ":v1")}, plans: []string{"2.yaml", "1.yaml"}, want: []string{"2.yaml:4:3: b: ", "no step before pushes"}},
		"a tag of a list":     {files: map[string]string{"list.txt": "quay.io/team/application:v1\n", "bayplan.yaml": list + copyOf("team/application:v2")}, want: []string{"the plans push v1"}},
		"the tag of the list": {files: map[string]string{"list.txt": "quay.io/team/application:v1\n", "bayplan.yaml": list + copyOf("team/application:v1")}},
		"a list that reads another tag": {
			files: map[string]string{"list.txt": "central.example.com/team/application:v2\n", "bayplan.yaml": "steps:\n" + fill + `  b: { type: mirror, needs: [a], with: { images: list.txt, to: edge.example.com } }` + "\n"},
			want:  []string{"no step before pushes central.example.com/team/application:v2"},
		},
		"a list that reads another repository": {
			files: map[string]string{"list.txt": "central.example.com/base/image:2\n", "bayplan.yaml": "steps:\n" + fill + `  b: { type: mirror, needs: [a], with: { images: list.txt, to: edge.example.com } }` + "\n"},
		},
		"the newest tag of what another plan pushes": {
			files: map[string]string{"1.yaml": first, "2.yaml": planHead + `steps:
  b: { type: mirror, with: { images: [{ from: central.example.com/team/application, tags: { match: 'v\d+', newest: 2 } }], to: edge.example.com } }
  c: { type: verify-catalog, needs: [b], with: { registry: edge.example.com, expect: ["quay.io/team/application:v1"], exact: true } }
`},
			plans: []string{"1.yaml", "2.yaml"},
		},
		"tags that nothing pushes": {
			files: map[string]string{"1.yaml": first, "2.yaml": planHead + `steps:
  b: { type: mirror, with: { images: [{ from: central.example.com/team/application, tags: { match: 'v2[.]\d+', newest: 2 } }], to: edge.example.com } }
`},
			plans: []string{"1.yaml", "2.yaml"}, want: []string{"2.yaml:4:3: b: ", "leaves none of 1 tag"},
		},
		"a pattern over what another plan pushes": {
			files: map[string]string{"1.yaml": first, "2.yaml": planHead + `steps:
  b: { type: mirror, with: { images: [{ from: "central.example.com/team/*", tags: { match: 'v\d+' } }], to: edge.example.com } }
`},
			plans: []string{"1.yaml", "2.yaml"},
		},
	} {
		t.Run(name, tt.run)
	}
}

// A blob of a registry that plans fill is what they push there, if its bytes are known; nothing stands in
// for another one.
func TestPushedBlobs(t *testing.T) {
	const text = "the file\n"
	right, wrong := checksum.SHA256([]byte(text)), "sha256:"+strings.Repeat("a", 64)
	plan := func(file, url, digest string) map[string]string {
		return map[string]string{"f.bin": text, "bayplan.yaml": fmt.Sprintf(`steps:
  push: { type: artifact, with: { files: [%s], name: "files/one:1", to: central.example.com } }
  get: { type: fetch, needs: [push], with: { url: "https://central.example.com/v2/%s/blobs/%s", sha256: %s, to: out } }
`, file, url, digest, strings.TrimPrefix(digest, "sha256:"))}
	}
	for name, tt := range map[string]trial{
		"what is pushed":     {files: plan("f.bin", "files/one", right), want: []string{"nothing is wrong"}, not: "sha256: "},
		"another digest":     {files: plan("f.bin", "files/one", wrong), want: []string{"bayplan.yaml:5:3: get: ", "404"}},
		"another repository": {files: plan("f.bin", "files/two", right), want: []string{"bayplan.yaml:5:3: get: ", "404"}},
		"unknown bytes":      {files: plan("/srv/f.bin", "files/one", wrong), want: []string{"nothing is wrong", "sha256: another file stands in for it"}},
	} {
		t.Run(name, tt.run)
	}
}
