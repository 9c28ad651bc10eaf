package drawing

import "slices"

// passes is how often place moves all layers towards their neighbours.
const passes = 16

// place gives every cell its coordinates: along by its layer, across as near to its
// neighbours as the order of the layer allows.
func (l *layout) place() {
	along := float64(margin)
	for _, layer := range l.layers {
		deepest := 0.0
		for _, c := range layer {
			deepest = max(deepest, c.depth)
		}
		for _, c := range layer {
			c.along = along
			if c.node == nil {
				c.depth = deepest
			}
			c.along += (deepest - c.depth) / 2
		}
		along += deepest + layerGap
	}
	for _, layer := range l.layers {
		at := 0.0
		for i, c := range layer {
			if i > 0 {
				at += distance(layer[i-1], c)
			}
			c.at = at
		}
	}
	for i := range passes {
		if i%2 == 0 {
			for _, layer := range l.layers {
				align(layer, func(c *cell) []*cell { return c.before })
			}
		} else {
			for _, layer := range slices.Backward(l.layers) {
				align(layer, func(c *cell) []*cell { return c.after })
			}
		}
	}
	for _, layer := range l.layers {
		align(layer, func(c *cell) []*cell { return slices.Concat(c.before, c.after) })
	}
	l.shift()
}

// shift moves everything so that the drawing begins at its margin.
func (l *layout) shift() {
	first := 0.0
	for i, c := range l.cells {
		if start := c.at - c.size/2; i == 0 || start < first {
			first = start
		}
	}
	for _, c := range l.cells {
		c.at += margin - first
	}
}

// distance is the least distance between the middles of two cells of a layer.
func distance(a, b *cell) float64 {
	gap := float64(boxGap)
	if a.node == nil || b.node == nil {
		gap = pointGap
	}
	return a.size/2 + gap + b.size/2
}

// straighten is how much more a point of a long arrow pulls than a box.
const straighten = 4

// A block is a run of cells of a layer that touch each other.
type block struct {
	sum, weight float64
	from, to    int
}

// align moves the cells of a layer to the mean of their neighbours on one side. Where they
// would overlap, they form a block that stands at the mean of its cells, which is the
// least sum of squares (pool adjacent violators).
func align(layer []*cell, neighbours func(*cell) []*cell) {
	offset := make([]float64, len(layer)) // of each cell if all touch
	var blocks []block
	for i, c := range layer {
		if i > 0 {
			offset[i] = offset[i-1] + distance(layer[i-1], c)
		}
		want, weight := wanted(c, neighbours(c))
		blocks = append(blocks, block{(want - offset[i]) * weight, weight, i, i + 1})
		for n := len(blocks); n > 1 && blocks[n-2].mean() > blocks[n-1].mean(); n = len(blocks) {
			a, b := blocks[n-2], blocks[n-1]
			blocks = append(blocks[:n-2], block{a.sum + b.sum, a.weight + b.weight, a.from, b.to})
		}
	}
	for _, b := range blocks {
		for i := b.from; i < b.to; i++ {
			layer[i].at = b.mean() + offset[i]
		}
	}
}

func (b block) mean() float64 { return b.sum / b.weight }

// wanted is where a cell wants to be, and how much. Without neighbours it stays.
func wanted(c *cell, neighbours []*cell) (at, weight float64) {
	if len(neighbours) == 0 {
		return c.at, 0.25
	}
	sum, all := 0.0, 0.0
	for _, n := range neighbours {
		pull := 1.0
		if n.node == nil && c.node == nil {
			pull = straighten
		}
		sum, all = sum+n.at*pull, all+pull
	}
	return sum / all, all
}

// box gives a node its place in the drawing.
func (l *layout) box(c *cell) box {
	if l.down {
		return box{*c.node, c.at - c.size/2, c.along, c.size, c.depth}
	}
	return box{*c.node, c.along, c.at - c.size/2, c.depth, c.size}
}

// route gives the points of an arrow: where it leaves its first box, where it enters and
// leaves each layer that it passes, and where it ends.
func (l *layout) route(c chain) []point {
	var points []point
	add := func(along, across float64) {
		if l.down {
			along, across = across, along
		}
		points = append(points, point{along, across})
	}
	last := len(c.cells) - 1
	for i, at := range c.cells {
		if i > 0 {
			add(at.along, at.at)
		}
		if i < last {
			add(at.along+at.depth, at.at)
		}
	}
	if c.back {
		slices.Reverse(points)
	}
	return points
}
