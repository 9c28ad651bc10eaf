package sitereport

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/human"
)

// Table shows all sites to people.
func Table(out io.Writer, d document.Sites) error {
	rows := [][]string{{"SITE", "STATE", "AGE", "TOOK", "PLAN", "VERSION"}}
	for _, s := range d.Sites {
		rows = append(rows, row(s))
	}
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			widths[i] = max(widths[i], human.Width(cell))
		}
	}
	var errs []error
	for i, r := range rows {
		var spans []view.Span
		for j, cell := range r {
			if j < len(r)-1 {
				cell = human.Pad(cell, widths[j]) + "  "
			}
			span := view.Span{Text: cell}
			if i > 0 && j == 1 {
				span.Color = color(d.Sites[i-1].State)
			}
			spans = append(spans, span)
		}
		errs = append(errs, view.Paint(out, append(spans, view.Span{Text: "\n"})...))
		if i > 0 {
			errs = append(errs, view.Paint(out, view.Span{Text: details(d.Sites[i-1])}))
		}
	}
	return errors.Join(append(errs, view.Paint(out, view.Span{Text: compared(d) + summary(d) + "\n"}))...)
}

func row(s document.Site) []string {
	if s.Verdict == "" { // there is no report
		return []string{s.Tag, string(s.State), "-", "-", "-", "-"}
	}
	return []string{s.Tag, string(s.State), age(seconds(s.Age)), fmt.Sprintf("%.1fs", s.Took), orDash(s.Plan), orDash(s.Version)}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return human.Cut(text, 40, "…")
}

// age gives a duration in its largest unit.
func age(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	}
	return fmt.Sprintf("%ds", int(d.Seconds()))
}

// details gives the lines below that of a site.
func details(s document.Site) string {
	var lines []string
	since := ""
	if !s.Since.IsZero() {
		since = "since " + s.Since.UTC().Format("2006-01-02 15:04 UTC")
	}
	switch {
	case s.State == document.SiteSilent && s.Error != "":
		lines = append(lines, since+"; the last run failed: "+s.Error)
	case s.State == document.SiteSilent && since != "":
		lines = append(lines, since)
	case since != "" && s.Error != "":
		lines = append(lines, since+": "+s.Error)
	case s.Error != "":
		lines = append(lines, s.Error)
	}
	var text strings.Builder
	for _, line := range append(lines, s.Notes...) {
		text.WriteString("  " + human.Line(line) + "\n")
	}
	return text.String()
}

func color(s document.SiteState) view.Color {
	switch s {
	case document.SiteDone:
		return view.Green
	case document.SiteBehind:
		return view.Yellow
	}
	return view.Red
}

// compared says what the sites are compared with, a line for each plan.
func compared(d document.Sites) string {
	var text strings.Builder
	for _, t := range d.Compare {
		with := "the newest report, of " + t.Tag
		if t.File != "" {
			with = t.File
		}
		fmt.Fprintf(&text, "%s is compared with %s\n", orDash(t.Plan), with)
	}
	return text.String()
}

// summary counts the sites by their states.
func summary(d document.Sites) string {
	count := map[document.SiteState]int{}
	for _, s := range d.Sites {
		count[s.State]++
	}
	var parts []string
	for _, word := range document.SiteState("").Words() {
		if n := count[document.SiteState(word)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	text := human.Count(len(d.Sites), "site", "sites")
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text
}

// Worst reports whether a site is not done.
func Worst(d document.Sites) bool {
	return len(d.Sites) > 0 && d.Sites[0].State != document.SiteDone
}
