package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// NewDiff makes a view that shows what a plan would change, step by step in file
// order. It writes the contents of files to raw, in which no path is shortened.
func NewDiff(s Screen, raw io.Writer) View { return &diffView{Screen: s, raw: raw} }

// A diffView shows what a plan would change.
type diffView struct {
	Screen
	raw io.Writer // for the contents of files, in which no path is shortened
}

// Observe does nothing: End shows the complete diff.
func (*diffView) Observe(runner.Event) {}

// End prints the diff.
func (v *diffView) End(r *runner.Report) error {
	shown := false
	for _, s := range r.Steps {
		for _, note := range s.Finding.Notes {
			_ = Paint(v.Errs, Span{Text: s.ID + ": "}, Span{"note:", Yellow}, Span{Text: " " + note + "\n"})
		}
		if s.Status == runner.Unchanged {
			continue // the summary counts it
		}
		shown = true
		_ = Paint(v.Out, Span{Text: fmt.Sprintf("%s (%s): ", s.ID, s.Type)}, Span{Headline(s), headlineColor(s.Status)}, Span{Text: "\n"})
		if s.Finding.Change == nil {
			continue
		}
		for _, it := range s.Finding.Change.Items {
			sign, rest, _ := strings.Cut(ItemLine(it), " ")
			_ = Paint(v.Out, Span{Text: "  "}, Span{sign, opColor(it.Op)}, Span{Text: " " + rest + "\n"})
			v.printTextDiff(it)
		}
	}
	if shown {
		fmt.Fprintln(v.Out)
	}
	return v.printEnd(r)
}

// Headline says in a few words what a step would change.
func Headline(s *runner.StepReport) string {
	switch s.Status {
	case runner.ToCreate, runner.ToChange:
		c := s.Finding.Change
		if c.Summary != "" {
			return c.Summary
		}
		return human.Count(len(c.Items), "item", "items")
	case runner.CheckAfter, runner.Waiting, runner.Skipped:
		return s.Why
	case runner.Failed:
		if c := s.Finding.Change; c != nil {
			return "failed; what can be done: " + c.Summary
		}
	}
	return string(s.Status)
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

// opSign returns the sign that shows an operation on an item.
func opSign(op runner.Op) string {
	switch op {
	case runner.Create:
		return "+"
	case runner.Remove:
		return "-"
	case runner.Replace:
		return "±"
	}
	return "~"
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
	line := fmt.Sprintf("%s %s %s", opSign(it.Op), it.What, it.Name)
	if len(more) > 0 {
		line += "  (" + strings.Join(more, ", ") + ")"
	}
	return line
}

// digestsText shows the digests of an image before and after a change, shortened.
// The JSON has them in full.
func digestsText(it runner.Item) string {
	switch {
	case it.To == "" && (it.From == "" || it.From == it.Note):
		return ""
	case it.To == "":
		return ShortDigest(it.From)
	case it.From == "" || it.From == it.To:
		return ShortDigest(it.To)
	}
	return ShortDigest(it.From) + " -> " + ShortDigest(it.To)
}

// ShortDigest shortens a digest to the digits that people compare. It returns
// other values whole.
func ShortDigest(value string) string {
	const length = 19 // sha256: and 12 digits
	switch {
	case value == "":
		return "(none)"
	case strings.HasPrefix(value, "sha256:") && len(value) > length:
		return value[:length] + "…"
	}
	return value
}

// printTextDiff shows how a text file would change, as a unified diff. It leaves
// out the headers: the item's line already names the file.
func (v *diffView) printTextDiff(it runner.Item) {
	if it.Old == it.New {
		return
	}
	lines := strings.SplitAfter(string(diff.Diff("old", []byte(it.Old), "new", []byte(it.New))), "\n")
	for _, line := range lines[min(3, len(lines)):] {
		if line != "" {
			_ = Paint(v.raw, Span{"      " + strings.TrimSuffix(line, "\n"), textColor(line)}, Span{Text: "\n"})
		}
	}
}
