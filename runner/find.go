package runner

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
)

// Find returns the steps that a name on the command line means: a step by its id, one
// instance of a repeated step as sites["edge1"] or sites[edge1], or all of its instances
// as sites. An error is a *SelectionError.
func (g *Graph) Find(name string) ([]*Node, error) {
	if n := g.byID[address(name)]; n != nil {
		return []*Node{n}, nil
	}
	var found []*Node
	for _, n := range g.Nodes {
		if n.Step.Base == name {
			found = append(found, n)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, &SelectionError{Step: name, Err: g.notFound(name)}
}

// address returns a name with its key in quotes.
func address(name string) string {
	id, key, ok := strings.Cut(strings.TrimSuffix(name, "]"), "[")
	if !ok || !strings.HasSuffix(name, "]") {
		return name
	}
	return plan.Address(id, strings.Trim(key, `"`))
}

func (g *Graph) notFound(name string) error {
	for _, s := range g.Plan.Off {
		if s.ID == address(name) || s.Base == name {
			return fmt.Errorf("step %s is off: its when is not true, or its for_each is empty", quoted(s.ID))
		}
	}
	ids := g.ids()
	for _, n := range g.Nodes {
		if n.Step.Key != "" {
			ids = append(ids, n.Step.Base)
		}
	}
	return fault.WithHint(fmt.Errorf("the plan has no step %s", quoted(name)), human.DidYouMean(address(name), ids))
}
