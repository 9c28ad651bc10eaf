package drawing

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// parse makes a graph of arrows such as "a>b c>d", with the nodes in the order of their names.
func parse(text string) Graph {
	g := Graph{Title: "test"}
	seen := map[string]bool{}
	node := func(id string) {
		if !seen[id] {
			seen[id] = true
			g.Nodes = append(g.Nodes, Node{ID: id, Lines: []string{id, "type"}})
		}
	}
	for _, word := range strings.Fields(text) {
		from, to, arrow := strings.Cut(word, ">")
		node(from)
		if arrow {
			node(to)
			g.Edges = append(g.Edges, Edge{From: from, To: to})
		}
	}
	return g
}

// random makes a graph without cycles.
func random(nodes int, seed uint64) Graph {
	r := rand.New(rand.NewPCG(seed, 1))
	var words []string
	for i := range nodes {
		words = append(words, fmt.Sprint(i))
		for range r.IntN(3) {
			if i > 0 {
				words = append(words, fmt.Sprintf("%d>%d", max(0, i-1-r.IntN(20)), i))
			}
		}
	}
	return parse(strings.Join(words, " "))
}

func drawn(t *testing.T, g Graph, maxWidth float64) *Drawing {
	t.Helper()
	d, err := Draw(g, maxWidth)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *Drawing) find(id string) box {
	for _, b := range d.boxes {
		if b.ID == id {
			return b
		}
	}
	return box{}
}

// In every drawing no box covers another, everything lies inside, and every arrow leads
// from its first box forward to its second one.
func TestDrawingIsSound(t *testing.T) {
	graphs := map[string]Graph{
		"nothing":      parse(""),
		"one":          parse("a"),
		"loners":       parse("a b c d e f g h i j k l m n o p q r s t u v w x y z"),
		"a chain":      parse("a>b b>c c>d d>e"),
		"a long arrow": parse("a>b b>c c>d a>d"),
		"two parts":    parse("a>b x>y x>z w"),
		"again":        parse("a>b a>b"),
	}
	for seed := range uint64(20) {
		graphs[fmt.Sprint("random ", seed)] = random(60, seed)
	}
	for name, g := range graphs {
		for _, width := range []float64{1200, 100} {
			t.Run(fmt.Sprint(name, " in ", width), func(t *testing.T) {
				d := drawn(t, g, width)
				if len(d.boxes) != len(g.Nodes) {
					t.Errorf("%d boxes for %d nodes", len(d.boxes), len(g.Nodes))
				}
				checkBoxes(t, d)
				checkLines(t, d)
			})
		}
	}
}

func checkBoxes(t *testing.T, d *Drawing) {
	t.Helper()
	for i, a := range d.boxes {
		if a.x < 0 || a.y < 0 || a.x+a.width > d.Width || a.y+a.height > d.Height {
			t.Errorf("box %s is outside", a.ID)
		}
		for _, b := range d.boxes[:i] {
			if a.x < b.x+b.width && b.x < a.x+a.width && a.y < b.y+b.height && b.y < a.y+a.height {
				t.Errorf("boxes %s and %s overlap", a.ID, b.ID)
			}
		}
	}
}

func checkLines(t *testing.T, d *Drawing) {
	t.Helper()
	for _, l := range d.lines {
		from, to := d.find(l.From), d.find(l.To)
		first, last := l.points[0], l.points[len(l.points)-1]
		start, end := point{from.x + from.width, from.y + from.height/2}, point{to.x, to.y + to.height/2}
		if l.down {
			start, end = point{from.x + from.width/2, from.y + from.height}, point{to.x + to.width/2, to.y}
		}
		if !near(first, start) || !near(last, end) {
			t.Errorf("arrow %s>%s leads from %v to %v, want from %v to %v", l.From, l.To, first, last, start, end)
		}
		for i, p := range l.points[1:] {
			if q := l.points[i]; !l.down && p.x < q.x || l.down && p.y < q.y {
				t.Errorf("arrow %s>%s leads back from %v to %v", l.From, l.To, q, p)
			}
		}
	}
}

func near(a, b point) bool {
	return max(a.x-b.x, b.x-a.x, a.y-b.y, b.y-a.y) < 0.001
}

func TestArrowsDoNotCrossWhereTheyNeedNot(t *testing.T) {
	tests := map[string]string{
		"two pairs":    "a>d b>c c d",
		"a tree":       "r>a r>b r>c a>x b>y c>z b>w",
		"a net":        "a>x a>y b>y b>z c>z x>p y>p z>q",
		"long arrows":  "a>b b>c c>d a>d a>c",
		"a plan's own": "dirs>full dirs>agent dirs>prepare tag>prepare full>upload agent>upload upload>images upload>boot prepare>registry registry>mirror prepare>mirror mirror>catalog prepare>catalog",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := newLayout(parse(text), false)
			if err != nil {
				t.Fatal(err)
			}
			l.order()
			if n := l.crossings(); n != 0 {
				t.Errorf("%d crossings", n)
			}
		})
	}
}

// A chain is a straight line.
func TestStraightLines(t *testing.T) {
	d := drawn(t, parse("a>b b>c c>d d>e"), 1200)
	for _, b := range d.boxes {
		if b.y != d.boxes[0].y {
			t.Errorf("box %s is at %v, box %s at %v", b.ID, b.y, d.boxes[0].ID, d.boxes[0].y)
		}
	}
}

// A graph that is too deep for the width runs from top to bottom.
func TestDirection(t *testing.T) {
	deep, wide := "a>b b>c c>d d>e e>f f>g g>h h>i", "r>a r>b r>c r>d r>e r>f r>g"
	tests := map[string]struct {
		graph string
		width float64
		down  bool
	}{
		"deep, in enough room":       {deep, 1200, false},
		"deep, in little room":       {deep, 300, true},
		"wide, in little room":       {wide, 300, false},
		"too large for both of them": {deep + " " + wide, 50, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := drawn(t, parse(test.graph), test.width).lines[0].down; got != test.down {
				t.Errorf("down is %v, want %v", got, test.down)
			}
		})
	}
}

// An arrow that closes a cycle leads back, and one to its own box is left out.
func TestCycles(t *testing.T) {
	for name, text := range map[string]string{"of three": "a>b b>c c>a", "of two": "a>b b>a", "long": "a>b b>c c>d d>e e>a", "two": "a>b b>a x>y y>x b>x"} {
		t.Run(name, func(t *testing.T) {
			d := drawn(t, parse(text), 1200)
			checkBoxes(t, d)
			if arrows := strings.Count(text, ">"); len(d.lines) != arrows || d.Left != 0 {
				t.Errorf("%d arrows, %d left out; want %d", len(d.lines), d.Left, arrows)
			}
			back := 0
			for _, l := range d.lines {
				from, to, first, last := d.find(l.From), d.find(l.To), l.points[0], l.points[len(l.points)-1]
				if last.x < first.x {
					back++
					from, to, first, last = to, from, last, first
				}
				if !near(first, point{from.x + from.width, from.y + from.height/2}) || !near(last, point{to.x, to.y + to.height/2}) {
					t.Errorf("arrow %s>%s leads from %v to %v", l.From, l.To, first, last)
				}
			}
			if want := 1 + strings.Count(name, "two")*strings.Count(text, "y>x"); back != want {
				t.Errorf("%d arrows lead back, want %d", back, want)
			}
		})
	}
	if d := drawn(t, parse("a>a b>a"), 1200); len(d.lines) != 1 {
		t.Errorf("%d arrows, want 1", len(d.lines))
	}
}

// Of arrows that pass very many layers, the longest are left out.
func TestTooManyPoints(t *testing.T) {
	var words []string
	const n = 300
	for i := range n {
		words = append(words, fmt.Sprintf("%d>%d", i, i+1), fmt.Sprintf("0>%d", i+1), fmt.Sprintf("%d>%d", i, n))
	}
	d := drawn(t, parse(strings.Join(words, " ")), 1200)
	if d.Left == 0 || len(d.boxes) != n+1 || len(d.lines) < n {
		t.Errorf("%d boxes, %d arrows, %d left out", len(d.boxes), len(d.lines), d.Left)
	}
	if want := fmt.Sprintf("The %d longest arrows are left out.", d.Left); !strings.Contains(d.File(), want) {
		t.Errorf("it does not say %q", want)
	}
}

func TestWrongGraphs(t *testing.T) {
	g := parse("a>b")
	g.Edges = append(g.Edges, Edge{From: "a", To: "nowhere"})
	if _, err := Draw(g, 1200); err == nil || !strings.Contains(err.Error(), `there is no box "nowhere"`) {
		t.Errorf("an arrow to nowhere: %v", err)
	}
}

// Whatever stands in a graph, its drawing is XML with the same texts.
func TestHostileTexts(t *testing.T) {
	const evil = `</text><script>alert("1")</script>&'` + "\x00\x1b\u202e"
	g := Graph{
		Title: evil,
		Nodes: []Node{{ID: "a", Lines: []string{evil}, Class: evil, Link: evil, Note: evil}, {ID: "b"}},
		Edges: []Edge{{From: "a", To: "b", Note: evil}, {From: "a", To: "b", Note: "second", Dashed: true}},
	}
	file := drawn(t, g, 1200).File()
	decoder := xml.NewDecoder(strings.NewReader(file))
	var texts, titles int
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, file)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "script" {
				t.Error("there is a script")
			}
		case xml.CharData:
			if strings.Contains(string(token), "<script>") {
				texts++
			}
			if strings.Contains(string(token), "\nsecond") {
				titles++
			}
		}
	}
	if texts != 3 || titles != 1 {
		t.Errorf("the text is there %d times, want 3; the notes of one arrow %d times, want once", texts, titles)
	}
	if file != drawn(t, g, 1200).File() {
		t.Error("a second drawing differs")
	}
}

// A file has all that it needs; a part of a page has neither a style nor a namespace.
func TestFileAndInline(t *testing.T) {
	d := drawn(t, parse("a>b"), 1200)
	if file := d.File(); !strings.Contains(file, `xmlns="http://www.w3.org/2000/svg"`) || !strings.Contains(file, "prefers-color-scheme:dark") {
		t.Errorf("a file:\n%s", file)
	}
	if part := d.Inline(); strings.Contains(part, "http") || strings.Contains(part, "style") {
		t.Errorf("a part of a page:\n%s", part)
	}
}

// The largest plan can be drawn.
func TestLargeDrawing(t *testing.T) {
	drawn(t, random(10_000, 1), 1200)
	g := parse("r")
	for i := range 10_000 {
		g.Nodes = append(g.Nodes, Node{ID: fmt.Sprint("n", i), Lines: []string{"n"}})
		g.Edges = append(g.Edges, Edge{From: "r", To: fmt.Sprint("n", i)})
	}
	drawn(t, g, 1200)
}
