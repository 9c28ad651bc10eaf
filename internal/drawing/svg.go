package drawing

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

// CSS colours a drawing in light and dark. A page that shows drawings may colour the
// classes of its boxes besides.
const CSS = `.drawing text{font:13px system-ui,sans-serif;fill:#1f2328}
.drawing text .more{font-size:11px;fill:#59636e}
.drawing rect{fill:#f6f8fa;stroke:#818b98}
.drawing path{fill:none;stroke:#818b98;stroke-width:1.3}
.drawing path.dashed{stroke-dasharray:5 4}
.drawing marker path{fill:#818b98;stroke:none}
@media (prefers-color-scheme:dark){
.drawing text{fill:#e6edf3}
.drawing text .more{fill:#9198a1}
.drawing rect{fill:#21262d;stroke:#7d8590}
.drawing path{stroke:#7d8590}
.drawing marker path{fill:#7d8590}
}
`

// File gives the drawing as an SVG file of its own.
func (d *Drawing) File() string {
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + d.svg(` xmlns="http://www.w3.org/2000/svg"`, "<style>"+CSS+"</style>\n")
}

// Inline gives the drawing as an element of an HTML page, whose style has CSS.
func (d *Drawing) Inline() string { return d.svg("", "") }

func (d *Drawing) svg(attributes, head string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg%s class="drawing" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="group" aria-label="%s">`+"\n",
		attributes, d.Width, d.Height, d.Width, d.Height, escape(d.title))
	b.WriteString(head)
	b.WriteString(`<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>` + "\n")
	for _, l := range d.lines {
		class := ""
		if l.Dashed {
			class = ` class="dashed"`
		}
		fmt.Fprintf(&b, `<path%s d="%s" marker-end="url(#arrow)">%s</path>`+"\n", class, l.path(), title(l.Note))
	}
	for _, n := range d.boxes {
		n.write(&b)
	}
	if d.Left > 0 {
		fmt.Fprintf(&b, `<text x="%d" y="%.0f"><tspan class="more">The %s left out.</tspan></text>`+"\n",
			margin, d.Height-margin, human.Count(d.Left, "longest arrow is", "longest arrows are"))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (n box) write(b *strings.Builder) {
	if n.Link != "" {
		fmt.Fprintf(b, `<a href="%s">`, escape(n.Link))
	}
	fmt.Fprintf(b, `<g class="%s">%s<rect x="%.0f" y="%.0f" width="%.0f" height="%.0f" rx="5"/>`,
		escape(n.Class), title(n.Note), n.x, n.y, n.width, n.height)
	fmt.Fprintf(b, `<text text-anchor="middle">`)
	for i, text := range n.Lines {
		class := ""
		if i > 0 {
			class = ` class="more"`
		}
		y := n.y + padding/2 + lineHeight*(float64(i)+0.75)
		fmt.Fprintf(b, `<tspan%s x="%.0f" y="%.0f">%s</tspan>`, class, n.x+n.width/2, y, escape(text))
	}
	b.WriteString("</text></g>")
	if n.Link != "" {
		b.WriteString("</a>")
	}
	b.WriteByte('\n')
}

// path gives the way of an arrow: curves between layers, and straight through them.
func (l line) path() string {
	p := l.points
	var b strings.Builder
	fmt.Fprintf(&b, "M%.0f %.0f", p[0].x, p[0].y)
	for i := 1; i < len(p); i += 2 {
		a, e := p[i-1], p[i]
		if l.down {
			mid := (a.y + e.y) / 2
			fmt.Fprintf(&b, "C%.0f %.0f %.0f %.0f %.0f %.0f", a.x, mid, e.x, mid, e.x, e.y)
		} else {
			mid := (a.x + e.x) / 2
			fmt.Fprintf(&b, "C%.0f %.0f %.0f %.0f %.0f %.0f", mid, a.y, mid, e.y, e.x, e.y)
		}
		if i+1 < len(p) {
			fmt.Fprintf(&b, "L%.0f %.0f", p[i+1].x, p[i+1].y)
		}
	}
	return b.String()
}

func title(text string) string {
	if text == "" {
		return ""
	}
	return "<title>" + escape(text) + "</title>"
}

// escape makes a text safe in XML and HTML, in text and in attributes in double quotes.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder gives no error
	return b.String()
}
