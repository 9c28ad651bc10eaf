// Package page makes one HTML page of one run: what went wrong, the graph of its steps, its
// time line, its images, what it changed, and its plan. The page is one file that asks no
// network for anything: its style and its script stand in it, and its security policy
// allows nothing else. All that it shows works without the script, which only searches
// and sorts.
//
// It knows runs as the state keeps them, and no types of steps.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/drawing"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner/history"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// Write writes the page of a run. What stands in the run must be masked already (see
// Run.Redact of package history). Characters that people cannot see are replaced.
func Write(w io.Writer, run *history.Run) error {
	r, err := collect(run)
	if err != nil {
		return err
	}
	t, err := template.New("page").Funcs(template.FuncMap{
		"size": human.Size, "took": took, "count": human.Count, "when": when, "short": short, "sign": view.Sign,
	}).Parse(pageHTML)
	if err != nil {
		return err
	}
	doc, err := newDocument(r)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, doc); err != nil {
		return err
	}
	_, err = io.WriteString(w, human.Clean(b.String()))
	return err
}

// short shortens a digest, and leaves "" as it is.
func short(digest string) string {
	if digest == "" {
		return ""
	}
	return human.ShortDigest(digest)
}

// A document is what the template shows.
type document struct {
	*report
	Policy string
	CSS    template.CSS
	JS     template.JS

	Failures  some[failure]
	Skipped   some[*step]
	Noted     []noted
	MoreNotes int // notes that are left out
	Graph     template.HTML
	Fits      bool // the graph can be made as narrow as a page and still be read
	NoBox     int  // steps that are not in the graph
	Rows      []*step
	LeftOut   string // how many steps have no row, by their statuses
	Timeline  *timeline
	Images    some[imageRow]
	Results   []string // of Images, each once
	Changes   []change
	Plans     []planText
}

// CountSkipped says how many steps did not run because of others.
func (d *document) CountSkipped() string {
	return human.Count(len(d.Skipped.Shown)+d.Skipped.More, "step", "steps")
}

func newDocument(r *report) (*document, error) {
	css := strings.TrimSpace(drawing.CSS + pageCSS)
	js := strings.TrimSpace(pageJS)
	graph, err := r.graph()
	if err != nil {
		return nil, err
	}
	all := r.images()
	named, rows := maxNamed, maxImages
	notes, moreNotes := r.notes()
	return &document{
		report: r, CSS: template.CSS(css), JS: template.JS(js), Policy: policy(css, js), //nolint:gosec // both are constants
		Failures: r.failures(), Skipped: take(r.skipped(), &named), Noted: notes, MoreNotes: moreNotes,
		Graph: template.HTML(graph.Inline()), //nolint:gosec // package drawing escapes every text
		Fits:  graph.Width <= 1.5*graphWidth, NoBox: r.noBox, Rows: r.shown(), LeftOut: r.leftOut(),
		Timeline: r.timeline(), Images: take(all, &rows), Results: results(all), Changes: r.changes(), Plans: r.plans(),
	}, nil
}

// policy allows the page its own style and script, by their digests, and nothing else.
func policy(css, js string) string {
	return fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'", source(css), source(js))
}

func source(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
