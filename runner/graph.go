package runner

import (
	"slices"

	"github.com/bayplan/bayplan/internal/dag"
	"github.com/bayplan/bayplan/plan"
)

// A Graph is a plan whose steps have types. Check makes it from a plan without
// mistakes. It never changes.
type Graph struct {
	Plan  *plan.Plan
	Nodes []*Node // in file order

	// Warnings are what may be a mistake. They stop nothing.
	Warnings plan.Errors

	order []*Node          // each after all nodes that it waits for
	byID  map[string]*Node // all nodes
	off   []*Node          // of steps that are off; they are in none of the others

	makers *makers // what the steps change and look at; nil: not known
}

// A Node is one step of a Graph.
type Node struct {
	Step  *plan.Step
	Type  Type
	Needs []Edge // what it waits for: its needs, then its references, in file order

	graph     *Graph
	at        int     // in the graph's Nodes
	place     int     // in the graph's order; -1 for a node on a cycle or behind one
	ancestors dag.Set // places of all nodes before it
}

// ID gives the step's id.
func (n *Node) ID() string { return n.Step.ID }

// After reports whether n comes after the step with an id, directly or through others.
func (n *Node) After(id string) bool {
	m := n.graph.byID[id]
	return m != nil && n.after(m)
}

func (n *Node) after(m *Node) bool { return m.place >= 0 && n.ancestors.Has(m.place) }

// An Edge says that one step waits for another, and why.
type Edge struct {
	From   string   `json:"from"`             // the step that is waited for
	To     string   `json:"to"`               // the step that waits
	Kind   EdgeKind `json:"kind"`             // why it waits
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
func (g *Graph) Node(id string) *Node { return g.byID[id] }

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
	for place := range n.ancestors.All() {
		all = append(all, g.order[place])
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
	refs := s.With.Refs()
	edges := make([]Edge, 0, len(s.Needs)+len(refs))
	for _, need := range s.Needs {
		edges = append(edges, Edge{From: need.ID, To: s.ID, Kind: Need})
	}
	for _, ref := range refs {
		edges = append(edges, Edge{From: ref.Step, To: s.ID, Kind: Reference, Output: ref.Output})
	}
	return distinct(edges)
}

// without returns the graph without the last off nodes. What waits for one of these
// waits for what that one would have waited for.
func (g *Graph) without(off int) *Graph {
	if off == 0 {
		return g
	}
	on := len(g.Nodes) - off
	left := &Graph{Plan: g.Plan, Nodes: g.Nodes[:on], off: g.Nodes[on:], makers: g.makers}
	out := map[string]*Node{}
	for _, n := range g.Nodes[on:] {
		out[n.ID()] = n
	}
	for _, n := range left.Nodes {
		n.Needs = distinct(throughOff(n.ID(), n.Needs, out, map[string]bool{}))
	}
	left.sort()
	return left
}

// throughOff returns the needs of a node, with those of nodes that are off in place of
// these. seen are the nodes that are off and dealt with.
func throughOff(id string, needs []Edge, off map[string]*Node, seen map[string]bool) []Edge {
	var edges []Edge
	for _, e := range needs {
		from := off[e.From]
		switch {
		case from == nil:
			if e.To != id {
				e = Edge{From: e.From, To: id, Kind: Need}
			}
			edges = append(edges, e)
		case !seen[e.From]:
			seen[e.From] = true
			edges = append(edges, throughOff(id, from.Needs, off, seen)...)
		}
	}
	return edges
}

// distinct returns the edges in their order, each once.
func distinct(edges []Edge) []Edge {
	seen := make(map[Edge]bool, len(edges))
	return slices.DeleteFunc(edges, func(e Edge) bool {
		again := seen[e]
		seen[e] = true
		return again
	})
}

// index makes the nodes known by their ids, and gives for each what it waits for.
func (g *Graph) index() [][]int {
	g.byID = make(map[string]*Node, len(g.Nodes))
	for i, n := range g.Nodes {
		n.graph, n.at, n.place, n.ancestors = g, i, -1, nil
		g.byID[n.ID()] = n
	}
	needs := make([][]int, len(g.Nodes))
	for i, n := range g.Nodes {
		for _, e := range n.Needs {
			from := -1
			if m := g.byID[e.From]; m != nil {
				from = m.at
			}
			needs[i] = append(needs[i], from)
		}
	}
	return needs
}

// sort fills order and the nodes' ancestors. Of the nodes that wait for nothing any more,
// the first in the file comes next. It returns the numbers of the nodes that are on a cycle or
// behind one, and what each node waits for.
func (g *Graph) sort() (stuck []int, needs [][]int) {
	needs = g.index()
	o := dag.Sort(needs)
	for place, i := range o.Things {
		n := g.Nodes[i]
		n.place, n.ancestors = place, o.Before[i]
		g.order = append(g.order, n)
	}
	return o.Stuck, needs
}
