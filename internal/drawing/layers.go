package drawing

import (
	"cmp"
	"slices"
)

// A layout is a graph on its way to coordinates. Along is the direction of the arrows,
// across is the direction of a layer.
type layout struct {
	down   bool    // along is from top to bottom
	cells  []*cell // nodes and points, nodes first
	chains []chain // the arrows
	layers [][]*cell
	loners []Node // without arrows
	left   int    // arrows that have no room
}

// A cell is what stands in a layer: a node, or the point at which an arrow passes it.
type cell struct {
	node          *Node // nil: a point
	layer         int
	before, after []*cell // its neighbours in the layers beside it
	size          float64 // across
	depth         float64 // along
	at            float64 // across, of its middle
	along         float64 // of its beginning
	rank          int     // its place in the layer
	key           float64 // what the layer is sorted by
}

// A chain is an arrow with the cells that it visits.
type chain struct {
	edge  Edge
	back  bool // the arrow points from the last cell to the first one
	cells []*cell
}

// maxPoints is how many points the long arrows have together at most. The longest ones are
// left out: a drawing with more can neither be read nor made quickly.
const maxPoints = 20_000

// newLayout gives each node a layer, and each arrow a point in each layer that it passes.
func newLayout(g Graph, down bool) (*layout, error) {
	l := &layout{down: down}
	edges, err := merge(g)
	if err != nil {
		return nil, err
	}
	touched := map[string]bool{}
	for _, e := range edges {
		touched[e.From], touched[e.To] = true, true
	}
	byID := map[string]*cell{}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if !touched[n.ID] {
			l.loners = append(l.loners, *n)
			continue
		}
		c := &cell{node: n}
		if c.size, c.depth = boxSize(*n); !down {
			c.size, c.depth = c.depth, c.size
		}
		byID[n.ID] = c
		l.cells = append(l.cells, c)
	}
	for _, e := range edges {
		l.chains = append(l.chains, chain{edge: e, cells: []*cell{byID[e.From], byID[e.To]}})
	}
	l.turnBack()
	for _, c := range l.chains {
		from, to := c.cells[0], c.cells[1]
		from.after, to.before = append(from.after, to), append(to.before, from)
	}
	l.assign()
	for _, c := range l.cells {
		c.before, c.after = nil, nil
	}
	l.leaveOutLongest()
	for i := range l.chains {
		l.addPoints(&l.chains[i])
	}
	l.fillLayers()
	return l, nil
}

// turnBack turns the arrows that close a cycle around, so that no cycle is left.
func (l *layout) turnBack() {
	const open, done = 1, 2
	state, from := map[*cell]int{}, map[*cell][]*chain{}
	for i := range l.chains {
		c := &l.chains[i]
		from[c.cells[0]] = append(from[c.cells[0]], c)
	}
	var visit func(at *cell)
	visit = func(at *cell) {
		state[at] = open
		for _, c := range from[at] {
			switch next := c.cells[1]; state[next] {
			case open:
				c.back = true
			case 0:
				visit(next)
			}
		}
		state[at] = done
	}
	for _, c := range l.cells {
		if state[c] == 0 {
			visit(c)
		}
	}
	for i := range l.chains {
		if l.chains[i].back {
			slices.Reverse(l.chains[i].cells)
		}
	}
}

// merge makes one arrow of all with the same ends. It is dashed if all of them are.
func merge(g Graph) ([]Edge, error) {
	known := map[string]bool{}
	for _, n := range g.Nodes {
		known[n.ID] = true
	}
	at := map[[2]string]int{}
	var edges []Edge
	for _, e := range g.Edges {
		for _, id := range []string{e.From, e.To} {
			if !known[id] {
				return nil, unknown(e, id)
			}
		}
		if e.From == e.To {
			continue
		}
		i, ok := at[[2]string{e.From, e.To}]
		if !ok {
			at[[2]string{e.From, e.To}] = len(edges)
			edges = append(edges, e)
			continue
		}
		edges[i].Dashed = edges[i].Dashed && e.Dashed
		if e.Note != "" && edges[i].Note != "" {
			e.Note = "\n" + e.Note
		}
		edges[i].Note += e.Note
	}
	return edges, nil
}

// assign gives each cell the first layer that all before it allow, and moves the cells that
// nothing leads to as near as it can to what they lead to.
func (l *layout) assign() {
	missing := map[*cell]int{}
	var ready, order []*cell
	for _, c := range l.cells {
		if missing[c] = len(c.before); missing[c] == 0 {
			ready = append(ready, c)
		}
	}
	for len(ready) > 0 {
		c := ready[0]
		ready = ready[1:]
		order = append(order, c)
		for _, next := range c.after {
			next.layer = max(next.layer, c.layer+1)
			if missing[next]--; missing[next] == 0 {
				ready = append(ready, next)
			}
		}
	}
	for _, c := range slices.Backward(order) {
		if len(c.before) == 0 {
			nearest := c.after[0].layer
			for _, next := range c.after {
				nearest = min(nearest, next.layer)
			}
			c.layer = nearest - 1
		}
	}
}

// span is how many layers a chain passes.
func (c chain) span() int { return c.cells[1].layer - c.cells[0].layer - 1 }

// leaveOutLongest leaves out arrows that have no room.
func (l *layout) leaveOutLongest() {
	points := 0
	for _, c := range l.chains {
		points += c.span()
	}
	if points <= maxPoints {
		return
	}
	slices.SortStableFunc(l.chains, func(a, b chain) int { return cmp.Compare(a.span(), b.span()) })
	points = 0
	for i, c := range l.chains {
		if points += c.span(); points > maxPoints {
			l.left = len(l.chains) - i
			l.chains = l.chains[:i]
			return
		}
	}
}

// addPoints gives a chain its points, and tells its cells their neighbours.
func (l *layout) addPoints(c *chain) {
	from, to := c.cells[0], c.cells[1]
	c.cells = []*cell{from}
	for layer := from.layer + 1; layer < to.layer; layer++ {
		point := &cell{layer: layer, size: 1}
		l.cells = append(l.cells, point)
		c.cells = append(c.cells, point)
	}
	c.cells = append(c.cells, to)
	for i, next := range c.cells[1:] {
		at := c.cells[i]
		at.after, next.before = append(at.after, next), append(next.before, at)
	}
}

// fillLayers puts the cells into their layers, in an order that follows the arrows.
func (l *layout) fillLayers() {
	last := -1
	for _, c := range l.cells {
		last = max(last, c.layer)
	}
	l.layers = make([][]*cell, last+1)
	seen := map[*cell]bool{}
	var visit func(c *cell)
	visit = func(c *cell) {
		if seen[c] {
			return
		}
		seen[c] = true
		c.rank = len(l.layers[c.layer])
		l.layers[c.layer] = append(l.layers[c.layer], c)
		for _, next := range c.after {
			visit(next)
		}
	}
	for _, c := range l.cells {
		if len(c.before) == 0 {
			visit(c)
		}
	}
}
