package rehearse

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/cmd/internal/loader"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/plan"
)

// Many steps are damaged at once: the number of rounds does not grow with that of the steps.
func TestRounds(t *testing.T) {
	chain := func(n int, needs func(i int) string) string {
		text := planHead + "steps:\n"
		for i := range n {
			text += fmt.Sprintf("  s%d: { type: mkdir, needs: [%s], with: { paths: [d%d] } }\n", i, needs(i), i)
		}
		return text
	}
	for name, tt := range map[string]struct {
		text  string
		moves func(i int) string // the directory that the damage of step i moves away
		want  int
		left  int
	}{
		"steps beside each other": {text: chain(200, func(int) string { return "" }), want: 1},
		"steps behind one":        {text: chain(200, func(i int) string { return strings.Repeat("s0", min(i, 1)) }), want: 2},
		"a chain":                 {text: chain(200, func(i int) string { return strings.TrimSuffix(fmt.Sprintf("s%d", i-1), "s-1") }), want: 2},
		"directories in each other": {
			text: chain(4, func(int) string { return "" }), moves: func(i int) string { return "/a" + strings.Repeat("/b", i) }, want: 4,
		},
		"each waits for all before it": {
			text: chain(20, func(i int) string {
				var all []string
				for j := range i {
					all = append(all, fmt.Sprintf("s%d", j))
				}
				return strings.Join(all, ", ")
			}),
			want: maxRounds, left: 20 - maxRounds,
		},
	} {
		file := filepath.Join(t.TempDir(), "bayplan.yaml")
		if err := write(file, []byte(tt.text)); err != nil {
			t.Fatal(err)
		}
		l, errs := loader.Load(t.Context(), file, plan.Options{Redactor: redact.New()})
		if err := errs.Err(); err != nil {
			t.Fatal(err)
		}
		d := &damager{part: &part{graph: l.Graph}, ways: map[string][]damage{}}
		for i, n := range l.Graph.Nodes {
			way := damage{file: fmt.Sprint("/f", i)}
			if tt.moves != nil {
				way = damage{dir: tt.moves(i)}
			}
			d.ways[n.ID()] = []damage{way}
		}
		if got := d.rounds(); len(got) != tt.want || d.left != tt.left {
			t.Errorf("%s: %d rounds, %d steps left out", name, len(got), d.left)
		}
	}
}

// Of images with one name, that of the step's own cloud is damaged. One that two steps bring is
// damaged once.
func TestDamageInClouds(t *testing.T) {
	const upload = "  %s: { type: glance-upload, needs: [%s], with: { cloud: %s, images: [{ name: x, file: /srv/x.qcow2, disk_format: qcow2 }] } }\n"
	clouds := "connections: { clouds: { one: { cloud: site-one }, two: { cloud: site-two }, three: { cloud: site-three } } }\nsteps:\n"
	for name, tt := range map[string]struct{ steps, want string }{
		"several clouds, one after the other": {
			fmt.Sprintf(upload, "a", "", "one") + fmt.Sprintf(upload, "b", "a", "two") + fmt.Sprintf(upload, "c", "b", "three"),
			"diff sees the damage of 3 steps",
		},
		"one cloud twice": {fmt.Sprintf(upload, "a", "", "one") + fmt.Sprintf(upload, "b", "", "one"), "diff sees the damage of 1 step,"},
	} {
		t.Run(name, trial{files: map[string]string{"bayplan.yaml": planHead + clouds + tt.steps}, want: []string{"nothing is wrong", tt.want}}.run)
	}
}

// A check that notices only that a registry does not answer is counted apart.
func TestDamageSummary(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bayplan.yaml")
	if err := write(file, []byte(planHead+`connections: { registries: { site: { host: r.example } } }
steps:
  dirs: { type: mkdir, with: { paths: [out] } }
  there: { type: verify-registry, needs: [dirs], with: { registry: site } }
`)); err != nil {
		t.Fatal(err)
	}
	said, ok, err := rehearsed(t, Options{}, file)
	if want := "noticed by 0 of 1 check, by 1 more only where no registry answers"; err != nil || !ok || !strings.Contains(said, want) {
		t.Errorf("%v, %v:\n%s\nwant %s", ok, err, said, want)
	}
}
