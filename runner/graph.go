package runner

import (
	"container/heap"
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

	order []*Node          // each after all nodes that it waits for
	byID  map[string]*Node // all nodes
}

// A Node is one step of a Graph.
type Node struct {
	Step  *plan.Step
	Type  Type
	Needs []Edge // what it waits for: its needs, then its references, in file order

	graph     *Graph
	place     int // in the graph's order; -1 for a node on a cycle or behind one
	ancestors set // places of all nodes before it
}

// ID gives the step's id.
func (n *Node) ID() string { return n.Step.ID }

// After reports whether n comes after the step with an id, directly or through others.
func (n *Node) After(id string) bool {
	m := n.graph.byID[id]
	return m != nil && n.after(m)
}

func (n *Node) after(m *Node) bool { return m.place >= 0 && n.ancestors.has(m.place) }

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
	for place := range n.ancestors.all() {
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
	left := &Graph{Plan: g.Plan, Nodes: g.Nodes[:on]}
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

// index makes the nodes known by their ids.
func (g *Graph) index() {
	g.byID = make(map[string]*Node, len(g.Nodes))
	for _, n := range g.Nodes {
		n.graph, n.place, n.ancestors = g, -1, nil
		g.byID[n.ID()] = n
	}
}

// sort fills order and the nodes' ancestors. Of the nodes that wait for nothing any more,
// the first in the file comes next. It returns the nodes that are on a cycle or behind one.
func (g *Graph) sort() (stuck []*Node) {
	g.index()
	at, waits, behind := map[*Node]int{}, make([]int, len(g.Nodes)), make([][]int, len(g.Nodes))
	for i, n := range g.Nodes {
		at[n] = i
	}
	ready := &places{}
	for i, n := range g.Nodes {
		for _, e := range n.Needs {
			waits[i]++
			if from := g.byID[e.From]; from != nil {
				behind[at[from]] = append(behind[at[from]], i)
			}
		}
		if waits[i] == 0 {
			heap.Push(ready, i)
		}
	}
	for ready.Len() > 0 {
		i := heap.Pop(ready).(int)
		g.put(g.Nodes[i])
		for _, next := range behind[i] {
			if waits[next]--; waits[next] == 0 {
				heap.Push(ready, next)
			}
		}
	}
	for _, n := range g.Nodes {
		if n.place < 0 {
			stuck = append(stuck, n)
		}
	}
	return stuck
}

// put makes a node the next in order.
func (g *Graph) put(n *Node) {
	n.place = len(g.order)
	n.ancestors = newSet(n.place)
	for _, e := range n.Needs {
		from := g.byID[e.From]
		n.ancestors.add(from.place)
		n.ancestors.addAll(from.ancestors)
	}
	g.order = append(g.order, n)
}

// places is a heap of places in the file.
type places []int

func (p places) Len() int           { return len(p) }
func (p places) Less(i, j int) bool { return p[i] < p[j] }
func (p places) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *places) Push(x any)        { *p = append(*p, x.(int)) }
func (p *places) Pop() any {
	last := len(*p) - 1
	x := (*p)[last]
	*p = (*p)[:last]
	return x
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
