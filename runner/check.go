package runner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/plan"
)

// Check gives types to the steps of a plan and finds all that is wrong with
// it: unknown types, configurations that do not fit their type, references to
// what is not there, cycles, steps that write the same file or read what
// another writes with no order between them. It does no I/O.
//
// What only follows from another mistake is not reported. The Graph is nil
// when there are mistakes.
func Check(p *plan.Plan, types Types) (*Graph, plan.Errors) {
	c := &checker{plan: p, types: types, bad: map[string]bool{}}
	g := &Graph{Plan: p}
	for _, s := range p.Steps {
		g.Nodes = append(g.Nodes, c.node(s))
	}
	for _, n := range g.Nodes {
		c.edges(n)
	}
	c.cycles(g)
	if !c.tangled {
		c.paths(g)
	}
	if len(c.errs) > 0 {
		c.errs.Err() // sorts them
		return nil, c.errs
	}
	return g, nil
}

// A checker collects what Check finds.
type checker struct {
	plan    *plan.Plan
	types   Types
	errs    plan.Errors
	bad     map[string]bool // steps with a mistake in their type or configuration
	tangled bool            // the order of the steps is not known
}

func (c *checker) report(pos plan.Pos, msg, hint string) {
	for _, e := range c.errs {
		if e.Pos == pos && e.Msg == msg {
			return
		}
	}
	c.errs = append(c.errs, &plan.Error{File: c.plan.File, Pos: pos, Msg: msg, Hint: hint})
}

// node finds a step's type and tries its configuration.
func (c *checker) node(s *plan.Step) *Node {
	n := &Node{Step: s, Needs: edgesOf(s)}
	typ, ok := c.types.Find(s.Type)
	if !ok {
		c.bad[s.ID] = true
		c.report(s.TypePos, fmt.Sprintf("no step type %q", s.Type), didYouMean(s.Type, c.types.names()))
		return n
	}
	n.Type = typ
	step := (&Graph{Plan: c.plan}).newStep(n)
	errs := s.With.Decode(step, nil)
	if v, ok := step.(Validator); ok && len(errs) == 0 {
		errs = s.With.Explain(v.Validate())
	}
	if len(errs) > 0 {
		c.bad[s.ID] = true
		c.errs = append(c.errs, errs...)
	}
	return n
}

// edges checks what a step waits for, and leaves only the edges that hold.
func (c *checker) edges(n *Node) {
	for _, need := range n.Step.Needs {
		c.known(need.ID, need.Pos, n)
	}
	for _, ref := range n.Step.With.Refs() {
		c.reference(n, ref)
	}
	n.Needs = slices.DeleteFunc(n.Needs, func(e Edge) bool { return c.plan.Step(e.From) == nil })
}

// known says whether there is a step of that id, and reports when not.
func (c *checker) known(id string, pos plan.Pos, n *Node) bool {
	if c.plan.Step(id) != nil {
		return true
	}
	c.tangled = true
	c.report(pos, fmt.Sprintf("no step %q", id), didYouMean(id, c.otherSteps(n.ID())))
	return false
}

func (c *checker) reference(n *Node, ref plan.Ref) {
	if !c.known(ref.Step, ref.Pos, n) {
		return
	}
	typ, ok := c.types.Find(c.plan.Step(ref.Step).Type)
	if !ok {
		return
	}
	out, ok := typ.output(ref.Output)
	switch {
	case !ok:
		c.bad[n.ID()] = true
		c.report(ref.Pos, fmt.Sprintf("step %q (%s) has no output %q", ref.Step, typ.Name, ref.Output), typ.outputHint(ref.Output))
	case out.List && !ref.Whole:
		c.bad[n.ID()] = true
		c.report(ref.Pos, fmt.Sprintf("output %q of step %q is a list and cannot stand inside text", ref.Output, ref.Step),
			"use the reference as the whole value")
	}
}

// cycles reports each cycle once and marks the order as unknown.
func (c *checker) cycles(g *Graph) {
	for stuck := circular(g.sort()); len(stuck) > 0; {
		c.tangled = true
		loop := cycle(stuck)
		c.report(c.plan.Step(loop[0]).Pos, loopMessage(loop), "")
		stuck = circular(slices.DeleteFunc(stuck, func(n *Node) bool { return slices.Contains(loop, n.ID()) }))
	}
}

// circular leaves of nodes those on a cycle or between two: what waits for one
// of them and is waited for by one of them.
func circular(nodes []*Node) []*Node {
	for {
		kept := slices.DeleteFunc(slices.Clone(nodes), func(n *Node) bool {
			waits := slices.ContainsFunc(nodes, func(m *Node) bool { return waitsFor(n, m.ID()) })
			awaited := slices.ContainsFunc(nodes, func(m *Node) bool { return waitsFor(m, n.ID()) })
			return !waits || !awaited
		})
		if len(kept) == len(nodes) {
			return kept
		}
		nodes = kept
	}
}

func waitsFor(n *Node, id string) bool {
	return slices.ContainsFunc(n.Needs, func(e Edge) bool { return e.From == id })
}

func loopMessage(loop []string) string {
	if len(loop) == 1 {
		return fmt.Sprintf("step %q waits for itself", loop[0])
	}
	return "steps wait for each other: " + strings.Join(append(loop, loop[0]), " -> ")
}

func (c *checker) otherSteps(id string) []string {
	var ids []string
	for _, s := range c.plan.Steps {
		if s.ID != id {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

func (ts Types) names() []string {
	names := make([]string, len(ts))
	for i, t := range ts {
		names[i] = t.Name
	}
	return names
}

func (t Type) output(name string) (Output, bool) {
	for _, o := range t.Outputs {
		if o.Name == name {
			return o, true
		}
	}
	return Output{}, false
}

// outputHint says what outputs a type has, or which one was meant.
func (t Type) outputHint(name string) string {
	if len(t.Outputs) == 0 {
		return fmt.Sprintf("a %s step has no outputs", t.Name)
	}
	names := make([]string, len(t.Outputs))
	for i, o := range t.Outputs {
		names[i] = o.Name
	}
	if hint := didYouMean(name, names); hint != "" {
		return hint
	}
	return "its outputs are " + strings.Join(names, ", ")
}
