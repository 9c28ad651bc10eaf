package runner

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/dag"
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
	c := newChecker(p, types)
	c.waitsUnknownFor = doubtful(p, known)
	all := &Graph{Plan: p}
	for _, s := range slices.Concat(p.Steps, p.Off) {
		c.byID[s.ID] = s
		all.Nodes = append(all.Nodes, c.node(s))
	}
	for _, n := range all.Nodes {
		for _, ref := range n.Step.With.Refs() {
			c.reference(n, ref)
		}
	}
	c.cycles(all)
	g := all.without(len(p.Off))
	c.paths(g)
	if len(c.errs) > 0 || len(known) > 0 {
		c.errs.Sort()
		return nil, c.errs
	}
	c.warnings.Sort()
	g.Warnings = c.warnings
	return g, nil
}

// A checker collects what Check finds.
type checker struct {
	plan            *plan.Plan
	types           Types
	byID            map[string]*plan.Step
	errs            plan.Errors
	warnings        plan.Errors
	bad             map[string]bool     // steps with a mistake in their type or configuration
	first           map[site]*plan.Step // the first step with a mistake at a place
	said            map[string]bool     // mistakes
	warned          map[site]bool       // places with a warning
	waitsUnknownFor map[string]bool     // steps that may wait for more than is known
	waitsUnknown    map[*Node]bool      // the same and those behind them
}

func newChecker(p *plan.Plan, types Types) *checker {
	return &checker{
		plan: p, types: types, byID: map[string]*plan.Step{}, bad: map[string]bool{},
		first: map[site]*plan.Step{}, said: map[string]bool{}, warned: map[site]bool{},
	}
}

// A site is a place in a file.
type site struct {
	file string
	pos  plan.Pos
}

// doubtful returns the steps with known mistakes in them. Reading drops what it reports,
// for example a need with a typing error.
func doubtful(p *plan.Plan, known plan.Errors) map[string]bool {
	bases := map[string]bool{}
	for _, e := range known {
		in := (*plan.Step)(nil)
		for _, s := range slices.Concat(p.Steps, p.Off) {
			if e.File == s.File() && !before(e.Pos, s.Pos) && (in == nil || before(in.Pos, s.Pos)) {
				in = s
			}
		}
		if in != nil {
			bases[in.Base] = true
		}
	}
	found := map[string]bool{}
	for _, s := range p.Steps {
		if bases[s.Base] {
			found[s.ID] = true
		}
	}
	return found
}

func before(a, b plan.Pos) bool {
	return a.Line < b.Line || a.Line == b.Line && a.Col < b.Col
}

// report adds a mistake at a place of a step.
func (c *checker) report(s *plan.Step, pos plan.Pos, msg, hint string) {
	e := s.Errorf(pos, "%s", msg)
	e.Hint = hint
	c.add(s, e)
}

// add adds a mistake of a step, once. At one place, only one instance of a repeated step
// has mistakes: those of the others would only repeat them.
func (c *checker) add(s *plan.Step, e *plan.Error) {
	at := site{e.File, e.Pos}
	if first := c.first[at]; first != nil && first != s && first.Base == s.Base {
		return
	} else if first == nil {
		c.first[at] = s
	}
	if text := e.Error(); !c.said[text] {
		c.said[text] = true
		c.errs = append(c.errs, e)
	}
}

// warn reports something that may be a mistake of a step.
func (c *checker) warn(s *plan.Step, msg, hint string) {
	e := s.Errorf(s.Pos, "%s", msg)
	e.Hint = hint
	if at := (site{e.File, e.Pos}); !c.warned[at] {
		c.warned[at] = true
		c.warnings = append(c.warnings, e)
	}
}

// node finds a step's type and tries its configuration.
func (c *checker) node(s *plan.Step) *Node {
	n := &Node{Step: s, Needs: edgesOf(s)}
	typ, ok := c.types.Find(s.Type)
	if !ok {
		c.bad[s.ID] = true
		if s.Type != "" { // reading reported that it is missing
			c.report(s, s.TypePos, fmt.Sprintf("there is no step type %q", s.Type), human.DidYouMean(s.Type, c.types.names()))
		}
		return n
	}
	n.Type = typ
	step := (&Graph{Plan: c.plan}).newStep(n)
	errs := s.With.Decode(step, nil)
	if v, ok := step.(Validator); ok && len(errs) == 0 {
		errs = s.With.Explain(v.Validate())
	} else if ok {
		errs = append(errs, s.With.ExplainItems(v.Validate())...)
	}
	if len(errs) > 0 {
		c.bad[s.ID] = true
		for _, e := range errs {
			c.add(s, e)
		}
	}
	return n
}

// reference checks one reference. Reading the plan has checked that its step exists.
func (c *checker) reference(n *Node, ref plan.Ref) {
	typ, ok := c.types.Find(c.byID[ref.Step].Type)
	if !ok {
		return
	}
	if out, ok := typ.output(ref.Output); !ok {
		c.bad[n.ID()] = true
		c.report(n.Step, ref.Pos, fmt.Sprintf("step %s (%s) has no output %q", quoted(ref.Step), typ.Name, ref.Output), typ.outputHint(ref.Output))
	} else if msg, hint := outputMismatch(n.Type, ref, out); msg != "" {
		c.bad[n.ID()] = true
		c.report(n.Step, ref.Pos, msg, hint)
	} else if maker := c.byID[ref.Step]; out.Local && c.apart(maker, n.Step) {
		c.bad[n.ID()] = true
		c.report(n.Step, ref.Pos, fmt.Sprintf("the output %q of step %s names files %s, and this step runs %s", ref.Output, quoted(ref.Step), siteText(maker), siteText(n.Step)), typ.passHint(maker))
	}
}

// cycles reports each cycle once, and of those of repeated steps the first.
func (c *checker) cycles(g *Graph) {
	unplaced, needs := g.sort()
	for _, i := range unplaced {
		c.waitsUnknownFor[g.Nodes[i].ID()] = true
	}
	for stuck := dag.Circular(needs, unplaced); len(stuck) > 0; {
		var ids []string
		bases := map[string]bool{}
		loop := dag.Cycle(needs, stuck)
		for _, i := range append(loop, loop[0]) {
			ids = append(ids, g.Nodes[i].ID())
			bases[g.Nodes[i].Step.Base] = true
		}
		first := g.Nodes[loop[0]].Step
		c.report(first, first.Pos, "steps wait for each other: "+strings.Join(ids, " -> "), "")
		stuck = dag.Circular(needs, slices.DeleteFunc(stuck, func(i int) bool { return bases[g.Nodes[i].Step.Base] }))
	}
}

// quoted returns a step's id as messages show it. The address of an instance has quotes
// itself.
func quoted(id string) string {
	if strings.Contains(id, "[") {
		return id
	}
	return strconv.Quote(id)
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
