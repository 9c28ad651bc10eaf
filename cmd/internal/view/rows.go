package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// rows returns what is drawn at a time: a row for every running step as far as they fit,
// then what is still to come. No row fills the last column, which breaks the line on
// some terminals.
func (v *TerminalView) rows(columns, height int, now time.Time) []string {
	shown := v.progress.running()
	if len(shown) == 0 {
		return nil
	}
	columns--
	// One line stays for the cursor, and one for what was printed last.
	room := max(1, height-2-1)
	more := 0
	if len(shown) > room {
		more = len(shown) - (room - 1)
		shown = changingFirst(shown)[:room-1]
	}
	d := v.drawing(columns)
	for _, s := range shown {
		d.label = max(d.label, human.Width(s.ID))
	}
	d.label = min(d.label, max(8, columns/3), columns)
	var rows []string
	for _, s := range shown {
		rows = append(rows, d.row(s, now))
	}
	if more > 0 {
		rows = append(rows, d.line(fmt.Sprintf("and %d more", more), Dim))
	}
	return append(rows, v.footer(d))
}

// changingFirst puts the steps that apply their changes before the others.
func changingFirst(steps []runningStep) []runningStep {
	steps = slices.Clone(steps)
	slices.SortStableFunc(steps, func(a, b runningStep) int {
		switch {
		case a.Attempt.Changing == b.Attempt.Changing:
			return 0
		case a.Attempt.Changing:
			return -1
		}
		return 1
	})
	return steps
}

// footer says how far the run is and what waits.
func (v *TerminalView) footer(d drawing) string {
	if v.stopping() {
		return d.line("stopping; what runs is ending, and a second Ctrl-C ends at once", Yellow)
	}
	text := fmt.Sprintf("%d of %d done", v.progress.Count(""), len(v.progress.steps))
	if n := v.progress.Count(runner.Failed); n > 0 {
		text += fmt.Sprintf(", %d failed", n)
	}
	const gap = "  "
	if waiting := v.progress.waiting(d.columns - human.Width(text) - len(gap)); waiting != "" {
		text += gap + waiting
	}
	return d.line(text, Dim)
}

// A drawing makes rows of one width.
type drawing struct {
	progress *progress
	columns  int
	label    int // columns of the steps' names
	color    bool
	ellipsis string
	full     string // a part of a bar that is done
	half     string // the end of that part
	empty    string // a part that is not
}

func (v *TerminalView) drawing(columns int) drawing {
	d := drawing{progress: &v.progress, columns: columns, color: v.terminal.Color}
	if v.terminal.Unicode {
		d.ellipsis, d.full, d.half, d.empty = "…", "━", "╸", "─"
	} else {
		d.ellipsis, d.full, d.half, d.empty = "...", "=", ">", "-"
	}
	return d
}

// line cuts a text to the width.
func (d drawing) line(text string, color Color) string {
	return d.paint(Span{human.Cut(text, d.columns, d.ellipsis), color})
}

func (d drawing) paint(spans ...Span) string {
	var b strings.Builder
	for _, s := range spans {
		if !d.color {
			s.Color = NoColor
		}
		b.WriteString(s.Sequence())
	}
	return b.String()
}

// Widths of the fields behind a bar, with the two spaces before each.
const (
	leftWidth    = 2 + 14 // 601.3 MiB left
	rateWidth    = 2 + 11 // 601.3 MiB/s
	timeWidth    = 2 + 6  // 59m59s
	percentWidth = 2 + 3  // 99%
	movedWidth   = 2 + 21 // 601.3 MiB / 601.3 MiB
	itemsWidth   = 2 + 9  // 1000/1000

	minBar, goodBar, maxBar = 8, 20, 40
)

// row draws a running step.
func (d drawing) row(s runningStep, now time.Time) string {
	name := human.Pad(human.Cut(s.ID, d.label, d.ellipsis), d.label)
	left, took := s.left(now)
	if left < 0 || left == 0 || s.waits(now) {
		return d.paint(Span{Text: name}, d.activity(s, now))
	}
	fields, room := d.fields(s, left, took, now)
	bar := min(maxBar, room-2)
	if bar < minBar {
		return d.paint(Span{Text: name}, Span{Text: fields})
	}
	done := min(1, float64(s.moved())/float64(s.Attempt.Total))
	return d.paint(append([]Span{{Text: name + "  "}}, append(d.bar(done, bar), Span{Text: fields})...)...)
}

// activity says what a step does that has no bar, and for how long.
func (d drawing) activity(s runningStep, now time.Time) Span {
	waits := s.waits(now)
	text := d.progress.doing(s, now)
	if s.moved() > 0 && !waits && s.Attempt.Total == 0 {
		text = human.Size(s.moved()) + " moved"
		if rate, known := s.meter.rate(now); known {
			text += "  " + human.Size(int64(rate)) + "/s"
		}
	}
	if !waits {
		text += "  " + clock(now.Sub(s.Began))
	}
	color := NoColor
	if waits {
		color = Yellow
	} else if s.moved() == 0 {
		color = Dim
	}
	return Span{human.Cut("  "+text, d.columns-d.label, d.ellipsis), color}
}

// fields writes the numbers of a row, each in its column, and returns the columns that
// are left for a bar. In a narrow terminal the less important ones are left out.
func (d drawing) fields(s runningStep, left int64, took time.Duration, now time.Time) (text string, room int) {
	var rate, remaining string
	if r, known := s.meter.rate(now); known {
		rate = human.Size(int64(r)) + "/s"
	}
	if took >= 0 {
		remaining = clock(took + time.Second - 1)
	}
	fields := []field{
		{fmt.Sprintf("%d%%", min(99, 100*s.moved()/s.Attempt.Total)), percentWidth, 4},
		{human.Size(s.moved()) + " / " + human.Size(s.Attempt.Total), movedWidth, 5},
		{s.itemsText(), itemsWidth, 6},
		{human.Size(left) + " left", leftWidth, 1},
		{rate, rateWidth, 2},
		{remaining, timeWidth, 3},
	}
	room = d.columns - d.label
	fits := map[int]bool{}
	for importance := 1; importance <= len(fields); importance++ {
		for _, f := range fields {
			bar := 2 + minBar
			switch {
			case importance == 1:
				bar = 0
			case importance >= 5:
				bar = 2 + goodBar
			}
			if f.importance == importance && room-f.width >= bar {
				fits[importance], room = true, room-f.width
			}
		}
	}
	for _, f := range fields {
		if fits[f.importance] {
			text += fmt.Sprintf("%*s", f.width, f.text)
		}
	}
	return text, room
}

// itemsText says how many items are finished, if there are several.
func (s runningStep) itemsText() string {
	a := s.Attempt
	if a.ToDo < 2 {
		return ""
	}
	return fmt.Sprintf("%d/%d", min(a.Done, a.ToDo), a.ToDo)
}

// A field is a number in a row. The importance counts from 1, the most important.
type field struct {
	text              string
	width, importance int
}

// bar draws a bar of so many columns, of which a part between 0 and 1 is done.
func (d drawing) bar(done float64, columns int) []Span {
	full := int(done * float64(columns))
	text, rest := strings.Repeat(d.full, full), columns-full
	if rest > 0 {
		text, rest = text+d.half, rest-1
	}
	return []Span{{text, Green}, {strings.Repeat(d.empty, rest), Dim}}
}
