package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/textdiff"
	"github.com/bayplan/bayplan/runner"
)

// NewDiff makes a view that shows what a plan would change, step by step in file
// order. It writes the contents of files to raw, in which no path is shortened. of gives the
// diff of a report.
func NewDiff(s Screen, raw io.Writer, of func(*runner.Report) document.Diff) View {
	return &diffView{Screen: s, raw: raw, of: of}
}

// A diffView shows what a plan would change.
type diffView struct {
	Screen
	raw io.Writer // for the contents of files, in which no path is shortened
	of  func(*runner.Report) document.Diff
}

// Observe does nothing: End shows the complete diff.
func (*diffView) Observe(runner.Event) {}

// End prints the diff.
func (v *diffView) End(r *runner.Report) error {
	return PrintDiff(v.Screen, v.raw, v.of(r))
}

// PrintDiff prints a diff, step by step in the order of the plan. It writes the contents of
// files to raw, in which no path is shortened.
func PrintDiff(to Screen, raw io.Writer, d document.Diff) error {
	printBase(to, d.Base)
	shown := false
	for _, s := range d.Steps {
		for _, note := range s.Notes {
			_ = Paint(to.Errs, Span{Text: s.ID + ": "}, Span{"note:", Yellow}, Span{Text: " " + human.Line(note) + "\n"})
		}
		if s.Status == runner.Unchanged {
			continue // the summary counts it
		}
		shown = true
		_ = Paint(to.Out, Span{Text: fmt.Sprintf("%s (%s): ", s.ID, s.Type)}, Span{human.Line(s.Headline()), headlineColor(s.Status)}, Span{Text: "\n"})
		for _, it := range s.Items {
			sign, rest, _ := strings.Cut(ItemLine(it), " ")
			_ = Paint(to.Out, Span{Text: "  "}, Span{sign, opColor(it.Op)}, Span{Text: " " + rest + "\n"})
			printTextDiff(raw, it)
		}
	}
	if shown {
		fmt.Fprintln(to.Out)
	}
	for _, s := range d.Steps {
		if s.Status == runner.Failed {
			printFailure(to.Errs, s.ID, s.Error, s.Hint)
		}
	}
	_, err := fmt.Fprintln(to.Out, d.Summary)
	return err
}

// printBase prints with what the plan is compared, and what is another in the plan itself.
func printBase(to Screen, b *document.Base) {
	if b == nil {
		return
	}
	for _, note := range b.Notes {
		_ = Paint(to.Errs, Span{"note:", Yellow}, Span{Text: " " + human.Line(note) + "\n"})
	}
	fmt.Fprintf(to.Out, "%s\n", b.Line(human.Line))
	for _, c := range b.Changes {
		_ = Paint(to.Out, Span{Text: "  "}, Span{Sign(c.Op), opColor(c.Op)}, Span{Text: " " + c.Text(human.Line) + "\n"})
	}
	fmt.Fprintln(to.Out)
}

func headlineColor(s runner.Status) Color {
	switch s {
	case runner.Failed:
		return Red
	case runner.Waiting, runner.CheckAfter, runner.Skipped, runner.Interrupted:
		return Yellow
	}
	return NoColor
}

func opColor(op runner.Op) Color {
	switch op {
	case runner.Create:
		return Green
	case runner.Remove:
		return Red
	}
	return Yellow
}

// textColor returns the color of a line of a unified diff.
func textColor(line string) Color {
	if line == "" {
		return NoColor
	}
	switch line[0] {
	case '+':
		return Green
	case '-':
		return Red
	case '@':
		return Dim
	}
	return NoColor
}

// ItemLine returns the line that shows an item of a change: its operation as a sign,
// what it is, and in parentheses its size, its note and its digests.
func ItemLine(it runner.Item) string {
	var more []string
	if it.Bytes > 0 {
		more = append(more, human.Size(it.Bytes))
	}
	if it.Note != "" {
		more = append(more, it.Note)
	}
	if text := digestsText(it); text != "" {
		more = append(more, text)
	}
	line := fmt.Sprintf("%s %s %s", Sign(it.Op), it.What, it.Name)
	if len(more) > 0 {
		line += "  (" + strings.Join(more, ", ") + ")"
	}
	return human.Line(line)
}

// digestsText shows the digests before and after a change, shortened. Of files it shows
// them only if one takes the place of the other. The JSON has them in full.
func digestsText(it runner.Item) string {
	switch {
	case it.What != runner.Image && it.What != runner.Tag && (it.From == "" || it.To == ""):
		return ""
	case it.To == "" && (it.From == "" || it.From == it.Note):
		return ""
	case it.To == "":
		return human.ShortDigest(it.From)
	case it.From == "" || it.From == it.To:
		return human.ShortDigest(it.To)
	}
	return human.ShortDigest(it.From) + " -> " + human.ShortDigest(it.To)
}

// maxTextLines is how many lines of the diff of a text are shown.
const maxTextLines = 5000

// printTextDiff shows how a text file would change, as a unified diff.
func printTextDiff(raw io.Writer, it runner.Item) {
	for _, line := range textdiff.Lines(it.Old, it.New, maxTextLines) {
		_ = Paint(raw, Span{"      " + line, textColor(line)}, Span{Text: "\n"})
	}
}
