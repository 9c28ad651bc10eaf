package runner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/plan"
)

// Check gives types to the steps of a plan and finds all mistakes in it: unknown types,
// configurations that do not fit their type, references to what does not exist,
// cycles, and steps that write the same file, or read or look at what another one
// changes without an order between them. It does no I/O.
//
// Check does not report a mistake that only follows from another one. known are the
// mistakes that reading the plan has found already. If there are mistakes, known ones
// included, the Graph is nil.
func Check(p *plan.Plan, types Types, known ...*plan.Error) (*Graph, plan.Errors) {
	c := &checker{plan: p, types: types, bad: map[string]bool{}, waitsUnknownFor: doubtful(p, known)}
	g := &Graph{Plan: p}
	for _, s := range p.Steps {
		g.Nodes = append(g.Nodes, c.node(s))
	}
	for _, n := range g.Nodes {
		for _, ref := range n.Step.With.Refs() {
			c.reference(n, ref)
		}
	}
	c.cycles(g)
	c.paths(g)
	if len(c.errs) > 0 || len(known) > 0 {
		_ = c.errs.Err() // sorts them
		return nil, c.errs
	}
	_ = c.warnings.Err() // sorts them
	g.Warnings = c.warnings
	return g, nil
}

// A checker collects what Check finds.
type checker struct {
	plan            *plan.Plan
	types           Types
	errs            plan.Errors
	warnings        plan.Errors
	bad             map[string]bool // steps with a mistake in their type or configuration
	waitsUnknownFor map[string]bool // steps that may wait for more than is known
}

// doubtful returns the steps with known mistakes in them. Reading drops what it reports,
// for example a need with a typing error.
func doubtful(p *plan.Plan, known plan.Errors) map[string]bool {
	found := map[string]bool{}
	for _, e := range known {
		in := ""
		for _, s := range p.Steps {
			if e.File == p.Errorf(s.Pos, "").File && !before(e.Pos, s.Pos) {
				in = s.ID
			}
		}
		found[in] = true
	}
	return found
}

func before(a, b plan.Pos) bool {
	return a.Line < b.Line || a.Line == b.Line && a.Col < b.Col
}

func (c *checker) report(pos plan.Pos, msg, hint string) {
	for _, e := range c.errs {
		if e.Pos == pos && e.Msg == msg {
			return
		}
	}
	e := c.plan.Errorf(pos, "%s", msg)
	e.Hint = hint
	c.errs = append(c.errs, e)
}

// warn reports something that may be a mistake.
func (c *checker) warn(pos plan.Pos, msg, hint string) {
	e := c.plan.Errorf(pos, "%s", msg)
	e.Hint = hint
	c.warnings = append(c.warnings, e)
}

// node finds a step's type and tries its configuration.
func (c *checker) node(s *plan.Step) *Node {
	n := &Node{Step: s, Needs: edgesOf(s)}
	typ, ok := c.types.Find(s.Type)
	if !ok {
		c.bad[s.ID] = true
		if s.Type != "" { // reading reported that it is missing
			c.report(s.TypePos, fmt.Sprintf("there is no step type %q", s.Type), human.DidYouMean(s.Type, c.types.names()))
		}
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

// reference checks one reference. Reading the plan has checked that its step exists.
func (c *checker) reference(n *Node, ref plan.Ref) {
	typ, ok := c.types.Find(c.plan.Step(ref.Step).Type)
	if !ok {
		return
	}
	if out, ok := typ.output(ref.Output); !ok {
		c.bad[n.ID()] = true
		c.report(ref.Pos, fmt.Sprintf("step %q (%s) has no output %q", ref.Step, typ.Name, ref.Output), typ.outputHint(ref.Output))
	} else if msg, hint := outputMismatch(n.Type, ref, out); msg != "" {
		c.bad[n.ID()] = true
		c.report(ref.Pos, msg, hint)
	}
}

// cycles reports each cycle once.
func (c *checker) cycles(g *Graph) {
	unplaced := g.sort()
	for _, n := range unplaced {
		c.waitsUnknownFor[n.ID()] = true
	}
	for stuck := circular(unplaced); len(stuck) > 0; {
		loop := cycle(stuck)
		c.report(c.plan.Step(loop[0]).Pos, "steps wait for each other: "+strings.Join(append(loop, loop[0]), " -> "), "")
		stuck = circular(slices.DeleteFunc(stuck, func(n *Node) bool { return slices.Contains(loop, n.ID()) }))
	}
}

// circular keeps the nodes on a cycle or between two cycles: each waits for one of
// them, and one of them waits for it.
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

// outputHint says which output was probably meant, or which outputs a type has.
func (t Type) outputHint(name string) string {
	if len(t.Outputs) == 0 {
		return fmt.Sprintf("a %s step has no outputs", t.Name)
	}
	names := make([]string, len(t.Outputs))
	for i, o := range t.Outputs {
		names[i] = o.Name
	}
	if hint := human.DidYouMean(name, names); hint != "" {
		return hint
	}
	return "its outputs are " + strings.Join(names, ", ")
}
