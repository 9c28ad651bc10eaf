package runner

import (
	"slices"

	"github.com/bayplan/bayplan/plan"
)

// A Graph is a plan whose steps have types. Check makes it from a plan without
// mistakes. It never changes.
type Graph struct {
	Plan  *plan.Plan
	Nodes []*Node // in file order

	// Warnings are what may be a mistake. They stop nothing.
	Warnings plan.Errors

	order []*Node // each after all nodes that it waits for
}

// A Node is one step of a Graph.
type Node struct {
	Step  *plan.Step
	Type  Type
	Needs []Edge // what it waits for: its needs, then its references, in file order

	ancestors map[string]bool // ids of all nodes before it
}

// ID gives the step's id.
func (n *Node) ID() string { return n.Step.ID }

// After reports whether n comes after the step with an id, directly or through others.
func (n *Node) After(id string) bool { return n.ancestors[id] }

// An Edge says that one step waits for another, and why.
type Edge struct {
	From   string   `json:"from"` // the step that is waited for
	To     string   `json:"to"`   // the step that waits
	Kind   EdgeKind `json:"kind"`
	Output string   `json:"output,omitempty"` // the output of From that To refers to
}

// An EdgeKind is a reason to wait.
type EdgeKind string

// All reasons.
const (
	Need      EdgeKind = "need"      // pure order
	Reference EdgeKind = "reference" // an output is used
)

// Node returns the node of a step, or nil.
func (g *Graph) Node(id string) *Node {
	for _, n := range g.Nodes {
		if n.ID() == id {
			return n
		}
	}
	return nil
}

// Order returns the nodes so that each comes after all nodes that it waits for, and
// otherwise in file order.
func (g *Graph) Order() []*Node { return slices.Clone(g.order) }

// Edges returns all edges, in the file order of the steps that wait.
func (g *Graph) Edges() []Edge {
	var all []Edge
	for _, n := range g.Nodes {
		all = append(all, n.Needs...)
	}
	return all
}

// Ancestors returns all nodes that come before n, in Order.
func (g *Graph) Ancestors(n *Node) []*Node {
	var all []*Node
	for _, m := range g.order {
		if n.After(m.ID()) {
			all = append(all, m)
		}
	}
	return all
}

// ids returns the ids of the steps in file order.
func (g *Graph) ids() []string {
	ids := make([]string, len(g.Nodes))
	for i, n := range g.Nodes {
		ids[i] = n.ID()
	}
	return ids
}

// newStep makes the step of n, empty except for its type's defaults, and signs it.
func (g *Graph) newStep(n *Node) Step {
	step := n.Type.New()
	if s, ok := step.(Signer); ok {
		s.Sign(g.Plan.Name, n.ID())
	}
	return step
}

// edgesOf returns what a step waits for, each edge once.
func edgesOf(s *plan.Step) []Edge {
	var edges []Edge
	add := func(e Edge) {
		if !slices.Contains(edges, e) {
			edges = append(edges, e)
		}
	}
	for _, need := range s.Needs {
		add(Edge{From: need.ID, To: s.ID, Kind: Need})
	}
	for _, ref := range s.With.Refs() {
		add(Edge{From: ref.Step, To: s.ID, Kind: Reference, Output: ref.Output})
	}
	return edges
}

// sort fills order and the nodes' ancestors. It returns the nodes that are on a cycle
// or behind one.
func (g *Graph) sort() (stuck []*Node) {
	placed := map[string]bool{}
	for rest := g.Nodes; len(rest) > 0; {
		i := slices.IndexFunc(rest, func(n *Node) bool { return ready(n, placed) })
		if i < 0 {
			return rest
		}
		n := rest[i]
		rest = slices.Delete(slices.Clone(rest), i, i+1)
		placed[n.ID()] = true
		g.order = append(g.order, n)
		n.ancestors = g.ancestorsOf(n)
	}
	return nil
}

func ready(n *Node, placed map[string]bool) bool {
	for _, e := range n.Needs {
		if !placed[e.From] {
			return false
		}
	}
	return true
}

func (g *Graph) ancestorsOf(n *Node) map[string]bool {
	above := map[string]bool{}
	for _, e := range n.Needs {
		above[e.From] = true
		for id := range g.Node(e.From).ancestors {
			above[id] = true
		}
	}
	return above
}

// cycle finds one cycle among nodes, each of which waits for another one of them. It
// returns the ids of the cycle. The first id is the one that is first in the file; each
// id waits for the next one.
func cycle(stuck []*Node) []string {
	byID := map[string]*Node{}
	for _, n := range stuck {
		byID[n.ID()] = n
	}
	var path []string
	for at := stuck[0]; ; {
		if i := slices.Index(path, at.ID()); i >= 0 {
			return startWithFirst(path[i:], stuck)
		}
		path = append(path, at.ID())
		i := slices.IndexFunc(at.Needs, func(e Edge) bool { return byID[e.From] != nil })
		at = byID[at.Needs[i].From]
	}
}

func startWithFirst(loop []string, inFileOrder []*Node) []string {
	for _, n := range inFileOrder {
		if i := slices.Index(loop, n.ID()); i >= 0 {
			return append(slices.Clone(loop[i:]), loop[:i]...)
		}
	}
	return loop
}
