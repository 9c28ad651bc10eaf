package plan_test

import (
	"errors"
	"fmt"

	"github.com/bayplan/bayplan/plan"
)

// A mirrorConfig is such a struct as step types decode into.
type mirrorConfig struct {
	Images plan.Path `json:"images"`
	To     string    `json:"to"`
	Retain int       `json:"retain,omitempty"`
}

// The stages of a plan. Parse reads names, places and references and replaces the
// variables. Refs says which steps a step refers to. Decode fills a step's struct:
// first without the outputs of other steps, to check it, and later with them.
// Explain adds places to the errors of the struct's own Validate.
func Example() {
	p, errs := plan.Parse("/plans/bayplan.yaml", []byte(`apiVersion: bayplan/v1
name: undercloud
vars: { registry: local }
steps:
  prepare:
    type: prepare
    with: { release: rhosp13 }
  containers:
    type: mirror
    with: { images: "${steps.prepare.images_file}", to: "${vars.registry}" }
`), plan.Options{})
	if errs.Err() != nil {
		fmt.Println(errs)
		return
	}
	step := p.Step("containers")
	for _, ref := range step.With.Refs() {
		fmt.Printf("%s comes from %s of step %s\n", ref.Path, ref.Output, ref.Step)
	}

	var c mirrorConfig
	fmt.Println("mistakes:", len(step.With.Decode(&c, nil)))
	fmt.Printf("before: %q to %q\n", c.Images, c.To)

	outputs := func(plan.Ref) plan.Value { return plan.Text("/home/stack/images.yaml") }
	fmt.Println("mistakes:", len(step.With.Decode(&c, outputs)))
	fmt.Printf("after: %q to %q\n", c.Images, c.To)

	for _, e := range step.With.Explain(plan.At("to", errors.New("no such registry"))) {
		fmt.Println(e.Text())
	}
	// Output:
	// images comes from images_file of step prepare
	// mistakes: 0
	// before: "" to "local"
	// mistakes: 0
	// after: "/home/stack/images.yaml" to "local"
	// /plans/bayplan.yaml:10:57: no such registry
	//         with: { images: "${steps.prepare.images_file}", to: "${vars.registry}" }
	//                                                             ^
}
