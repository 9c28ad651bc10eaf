package page

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner/history"
)

// A timeline shows when steps and transfers ran. All lengths are in CSS pixels.
type timeline struct {
	Width, Height float64
	Left          float64 // where the time begins
	NoRow         int     // steps that have no row
	Ticks         []tick
	Rows          []timeRow
}

// A tick is a mark on the axis of time.
type tick struct {
	X    float64
	Text string
}

// A timeRow is the row of one step.
type timeRow struct {
	Step       *step
	Y, X, W, H float64
	Label      string // beside the bar
	LabelX     float64
	LabelEnd   bool // the label ends at LabelX
	Inside     bool // the label is in the bar
	Bars       []timeBar
	More       int // transfers that have no room
	MoreY      float64
}

// A timeBar is one transfer.
type timeBar struct {
	X, Y, W, H float64
	Title      string
}

const (
	timeWidth  = 1180
	timeLeft   = 190 // for the names of steps
	timeRight  = 28
	timeTop    = 26
	stepHeight = 16
	rowGap     = 8
	barPitch   = 7   // of transfers below each other, at most
	barsHeight = 126 // of all transfers of a step, about
	maxLanes   = barsHeight
	minBar     = 2 // pixels, so that it can be seen
	labelRoom  = 170
)

// timeline lays the time line out. It is nil if no step began.
func (r *report) timeline() *timeline {
	var steps []*step
	for _, s := range r.Steps {
		if !s.Began.IsZero() {
			steps = append(steps, s)
		}
	}
	if len(steps) == 0 {
		return nil
	}
	slices.SortStableFunc(steps, func(a, b *step) int { return cmp.Compare(r.lasted(b), r.lasted(a)) })
	left := maxTimeRows
	rows := take(steps, &left)
	steps = rows.Shown
	slices.SortStableFunc(steps, func(a, b *step) int { return a.Began.Compare(b.Began) })
	seconds := max(r.last.Sub(r.Run.Began).Seconds(), 0.001)
	t := &timeline{Width: timeWidth, Left: timeLeft, Height: timeTop, NoRow: rows.More}
	scale := (timeWidth - timeLeft - timeRight) / seconds
	x := func(at time.Time) float64 {
		return timeLeft + min(max(at.Sub(r.Run.Began).Seconds(), 0), seconds)*scale
	}
	for _, s := range steps {
		t.addRow(s, x, r.last)
	}
	step := tickStep(seconds)
	for n := 0; float64(n)*step <= seconds; n++ {
		t.Ticks = append(t.Ticks, tick{timeLeft + float64(n)*step*scale, tickText(float64(n)*step, step)})
	}
	return t
}

// lasted returns how long a step ran until its end or the last event.
func (r *report) lasted(s *step) time.Duration {
	if s.Ended.IsZero() {
		return r.last.Sub(s.Began)
	}
	return s.Ended.Sub(s.Began)
}

// addRow adds the row of a step, with its transfers below its bar.
func (t *timeline) addRow(s *step, x func(time.Time) float64, last time.Time) {
	ended := s.Ended
	if ended.IsZero() {
		ended = last
	}
	row := timeRow{Step: s, Y: t.Height, X: x(s.Began), H: stepHeight}
	row.W = max(minBar, x(ended)-row.X)
	row.Label = took(ended.Sub(s.Began).Seconds())
	if s.Bytes > 0 {
		row.Label += ", " + human.Size(s.Bytes)
	}
	if row.LabelX = row.X + row.W + 6; row.LabelX > t.Width-labelRoom {
		row.LabelX, row.LabelEnd = row.X-6, true
	}
	if row.LabelEnd && row.X < timeLeft+labelRoom {
		row.LabelX, row.Inside = row.X+row.W-6, true
	}
	t.Height += stepHeight + 2
	t.Height += row.addTransfers(s, x, t.Height) + rowGap
	if row.More > 0 {
		row.MoreY = t.Height
		t.Height += stepHeight
	}
	t.Rows = append(t.Rows, row)
}

// addTransfers puts each transfer into the first lane that is free at its beginning, and
// returns how high all lanes are. Very many images of a mirror are under way at once: their
// lanes are thin.
func (row *timeRow) addTransfers(s *step, x func(time.Time) float64, top float64) float64 {
	var items []*history.ItemProgress
	for _, it := range s.Items {
		if it.Done && !it.Began.IsZero() {
			items = append(items, it)
		}
	}
	slices.SortStableFunc(items, func(a, b *history.ItemProgress) int { // those that begin together by their ends
		return cmp.Or(int(x(a.Began))-int(x(b.Began)), a.Ended.Compare(b.Ended))
	})
	var free []float64 // where each lane is free
	var lanes []int    // of Bars
	for _, it := range items {
		from := x(it.Began)
		width := max(minBar, x(it.Ended)-from)
		lane := slices.IndexFunc(free, func(at float64) bool { return at <= from })
		if lane < 0 {
			if lane = len(free); lane == maxLanes {
				row.More++
				continue
			}
			free = append(free, 0)
		}
		free[lane] = from + width + 1
		row.Bars, lanes = append(row.Bars, timeBar{X: from, W: width, Title: timeText(it)}), append(lanes, lane)
	}
	pitch := min(barPitch, max(1, barsHeight/max(1, len(free))))
	for i, lane := range lanes {
		row.Bars[i].Y, row.Bars[i].H = top+float64(lane*pitch), float64(max(1, pitch-max(1, pitch/4)))
	}
	return float64(len(free) * pitch)
}

func timeText(i *history.ItemProgress) string {
	text := i.Name + ": " + took(i.Ended.Sub(i.Began).Seconds())
	if i.Bytes > 0 {
		text += ", " + human.Size(i.Bytes)
	}
	return text
}

// tickStep gives the seconds between two marks: at most ten marks, at round times.
func tickStep(seconds float64) float64 {
	for _, step := range [...]float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200} {
		if seconds/step <= 10 {
			return step
		}
	}
	const day = 24 * 3600
	step := float64(day)
	for seconds/step > 10 {
		step *= 2
	}
	return step
}

// tickText shows a time of the axis, whose marks are step seconds apart.
func tickText(seconds, step float64) string {
	switch {
	case seconds == 0:
		return "0"
	case step < 0.1:
		return fmt.Sprintf("%.0f ms", seconds*1000)
	case step < 1:
		return fmt.Sprintf("%.1f s", seconds)
	case step < 60 && seconds < 60:
		return fmt.Sprintf("%.0f s", seconds)
	case step < 600:
		return fmt.Sprintf("%d:%02d min", int(seconds)/60, int(seconds)%60)
	}
	return fmt.Sprintf("%d:%02d h", int(seconds)/3600, int(seconds)/60%60)
}
