package drawing

import (
	"cmp"
	"slices"
)

// sweeps is how often order goes over all layers, at most.
const sweeps = 24

// order sorts each layer by the middle of its neighbours, from the first layer to the last
// and back, and keeps the order with the fewest crossings.
func (l *layout) order() {
	best, fewest := l.snapshot(), l.crossings()
	for i := 0; i < sweeps && fewest > 0; i++ {
		if i%2 == 0 {
			for _, layer := range l.layers[min(1, len(l.layers)):] {
				sortLayer(layer, func(c *cell) []*cell { return c.before })
			}
		} else {
			for _, layer := range slices.Backward(l.layers[:max(0, len(l.layers)-1)]) {
				sortLayer(layer, func(c *cell) []*cell { return c.after })
			}
		}
		if n := l.crossings(); n < fewest {
			best, fewest = l.snapshot(), n
		}
	}
	l.layers = best
	for _, layer := range l.layers {
		for i, c := range layer {
			c.rank = i
		}
	}
}

func (l *layout) snapshot() [][]*cell {
	layers := make([][]*cell, len(l.layers))
	for i, layer := range l.layers {
		layers[i] = slices.Clone(layer)
	}
	return layers
}

// sortLayer sorts a layer by the mean place of the neighbours on one side. A cell without
// any stays where it is as far as possible.
func sortLayer(layer []*cell, neighbours func(*cell) []*cell) {
	for i, c := range layer {
		c.key = float64(i)
		if all := neighbours(c); len(all) > 0 {
			sum := 0
			for _, n := range all {
				sum += n.rank
			}
			c.key = float64(sum) / float64(len(all))
		}
	}
	slices.SortStableFunc(layer, func(a, b *cell) int { return cmp.Compare(a.key, b.key) })
	for i, c := range layer {
		c.rank = i
	}
}

// crossings counts how often arrows cross between all layers.
func (l *layout) crossings() int {
	total := 0
	for i, layer := range l.layers {
		if i+1 < len(l.layers) {
			total += crossingsAfter(layer, len(l.layers[i+1]))
		}
	}
	return total
}

// crossingsAfter counts the crossings between a layer and the next one, which has width
// cells: the pairs of arrows whose ends are in the opposite order of their beginnings. A
// tree of sums (Fenwick 1994) counts the ends that were seen after each place.
func crossingsAfter(layer []*cell, width int) int {
	sums := make([]int, width+1)
	seen, total := 0, 0
	for _, c := range layer {
		ends := make([]int, len(c.after))
		for i, next := range c.after {
			ends[i] = next.rank
		}
		slices.Sort(ends)
		for _, end := range ends {
			upTo := 0
			for i := end + 1; i > 0; i -= i & -i {
				upTo += sums[i]
			}
			total += seen - upTo
		}
		for _, end := range ends {
			for i := end + 1; i <= width; i += i & -i {
				sums[i]++
			}
		}
		seen += len(ends)
	}
	return total
}
