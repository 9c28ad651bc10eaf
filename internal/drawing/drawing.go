// Package drawing draws directed graphs as SVG, in layers: each arrow leads from one layer
// to a later one, but for those that close a cycle, which lead back. It knows what stands in
// a box and not what that means.
//
// The layout has the four classical stages of layered drawings (Sugiyama, Tagawa, Toda
// 1981): layers.go gives each box a layer and each long arrow a point in every layer that
// it passes, order.go orders each layer so that few arrows cross, and place.go chooses the
// coordinates. The same graph always gives the same drawing.
package drawing

import (
	"fmt"
	"unicode"
)

// A Graph is what is drawn.
type Graph struct {
	Title string // for those who hear the drawing
	Nodes []Node // in the order that the drawing keeps where arrows leave it open
	Edges []Edge
}

// A Node is a box.
type Node struct {
	ID    string // tells it from the others
	Lines []string
	Class string // CSS class of the box, for its colours
	Link  string // URL to which the box leads, or ""
	Note  string // what is shown when a pointer rests on the box, or ""
}

// An Edge is an arrow. Several with the same ends are several lines of one arrow's Note.
type Edge struct {
	From, To string // IDs of nodes
	Dashed   bool
	Note     string
}

// A Drawing is a graph with coordinates, in CSS pixels.
type Drawing struct {
	Width, Height float64
	Left          int // arrows that have no room; the longest ones

	title string
	boxes []box
	lines []line
}

// A box is a node with its place.
type box struct {
	Node
	x, y, width, height float64
}

// A line is an arrow with its way: the points are the ends of straight parts, with curves
// between them.
type line struct {
	Edge
	points []point
	down   bool // it leads from top to bottom
}

type point struct{ x, y float64 }

// Sizes in CSS pixels.
const (
	margin     = 8
	padding    = 12 // in a box, beside its text
	lineHeight = 17
	layerGap   = 52 // between the boxes of two layers
	boxGap     = 16 // between two boxes of a layer
	pointGap   = 10 // beside an arrow that passes a layer
)

// Draw lays a graph out. It runs from left to right where that is at most maxWidth wide,
// else from top to bottom if that is, and else from left to right. An arrow to an unknown
// node is an error. Arrows from a node to itself are left out.
func Draw(g Graph, maxWidth float64) (*Drawing, error) {
	across, err := draw(g, maxWidth, false)
	if err != nil || across.Width <= maxWidth {
		return across, err
	}
	if down, err := draw(g, maxWidth, true); err == nil && down.Width <= maxWidth {
		return down, nil
	}
	return across, nil
}

func draw(g Graph, maxWidth float64, down bool) (*Drawing, error) {
	l, err := newLayout(g, down)
	if err != nil {
		return nil, err
	}
	l.order()
	l.place()
	d := &Drawing{title: g.Title, Left: l.left}
	for _, c := range l.cells {
		if c.node != nil {
			d.boxes = append(d.boxes, l.box(c))
		}
	}
	for _, c := range l.chains {
		d.lines = append(d.lines, line{c.edge, l.route(c), down})
	}
	d.measure()
	d.addLoners(l.loners, maxWidth)
	if d.Left > 0 {
		d.Height += lineHeight // for the line that says so
	}
	return d, nil
}

// measure sets the size of the drawing to what it holds.
func (d *Drawing) measure() {
	for _, b := range d.boxes {
		d.Width, d.Height = max(d.Width, b.x+b.width+margin), max(d.Height, b.y+b.height+margin)
	}
	for _, l := range d.lines {
		for _, p := range l.points {
			d.Width, d.Height = max(d.Width, p.x+margin), max(d.Height, p.y+margin)
		}
	}
}

// addLoners puts the boxes without arrows in rows below the others.
func (d *Drawing) addLoners(nodes []Node, maxWidth float64) {
	x, y := float64(margin), d.Height+margin
	if len(d.boxes) == 0 {
		y = margin
	}
	for _, n := range nodes {
		width, height := boxSize(n)
		if x > margin && x+width+margin > max(maxWidth, d.Width) {
			x, y = margin, y+height+boxGap
		}
		d.boxes = append(d.boxes, box{n, x, y, width, height})
		x += width + boxGap
	}
	d.measure()
}

func boxSize(n Node) (width, height float64) {
	for _, text := range n.Lines {
		width = max(width, textWidth(text))
	}
	return width + 2*padding, float64(len(n.Lines)*lineHeight + padding)
}

// textWidth estimates how wide a text is in a sans-serif font of 13 pixels. Browsers have
// different fonts, so it is rather too wide.
func textWidth(text string) float64 {
	width := 0.0
	for _, r := range text {
		switch {
		case r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana):
			width += 13.5
		case r == 'm' || r == 'w' || r == 'M' || r == 'W' || r == '@':
			width += 12
		case unicode.IsUpper(r):
			width += 9.5
		case r == 'i' || r == 'j' || r == 'l' || r == '.' || r == ':' || r == '\'':
			width += 4.5
		default:
			width += 8
		}
	}
	return width
}

// unknown is the error of an arrow that ends nowhere.
func unknown(e Edge, id string) error {
	return fmt.Errorf("draw an arrow from %q to %q: there is no box %q", e.From, e.To, id)
}
