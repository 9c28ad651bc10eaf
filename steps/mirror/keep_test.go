package mirror

import (
	"testing"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/steps/connections"
)

// What is done about signatures is the same in both forms of the setting, and nothing
// where neither says it.
func TestKeep(t *testing.T) {
	for text, want := range map[string]registry.Signatures{
		"signatures: copy": registry.CopySignatures,
		"signatures: {keep: copy, trust: [{images: '**', unsigned: true}]}": registry.CopySignatures,
		"signatures: {keep: require}":                                       registry.RequireSignatures,
		"signatures: {trust: [{images: '**', unsigned: true}]}":             "",
		"signatures: ignore":                                                "",
		"parallel: 1":                                                       "",
	} {
		src := "apiVersion: bayplan/v1\nname: t\nsteps:\n  m:\n    type: mirror\n    with:\n      " + text + "\n"
		p, errs := plan.Parse("bayplan.yaml", []byte(src), plan.Options{})
		if err := errs.Err(); err != nil {
			t.Fatal(err)
		}
		m := newStep((*connections.Set)(nil))
		_ = p.Steps[0].With.Decode(m, nil) // images and to are missing, which matters not here
		if got := (deciding{mirror: m}).selection().Signatures; got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
