package view

import (
	"fmt"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// waiting says which steps wait and for whom, as far as that fits into so many columns:
// "waiting: catalog for containers; register for images and overcloud; 3 more". Steps
// that wait only for --parallel are counted.
func (p *progress) waiting(columns int) string {
	var entries []string
	ready := 0
	for _, s := range p.steps {
		if p.Step(s.ID).Status != "" {
			continue
		}
		if needed := p.missing(s); needed != "" {
			entries = append(entries, s.ID+" for "+needed)
		} else {
			ready++
		}
	}
	switch {
	case ready == 1:
		entries = append(entries, "1 for its turn")
	case ready > 1:
		entries = append(entries, fmt.Sprintf("%d for their turn", ready))
	}
	return fitting(entries, columns, max(0, ready-1))
}

// fitting joins as many entries as fit, and counts the others. The last one stands for
// extra more.
func fitting(entries []string, columns, extra int) string {
	text := ""
	for i, entry := range entries {
		longer, more := "waiting: "+entry, ""
		if text != "" {
			longer = text + "; " + entry
		}
		rest := len(entries) - i + extra
		if rest > 1 && i < len(entries)-1 {
			more = fmt.Sprintf("; %d more", rest-1)
		}
		if human.Width(longer+more) > columns {
			if text == "" {
				return human.Count(rest, "step waits", "steps wait")
			}
			return fmt.Sprintf("%s; %d more", text, rest)
		}
		text = longer
	}
	return text
}

// missing names the steps that one waits for, "" for none.
func (p *progress) missing(s Step) string {
	var names []string
	for _, id := range s.Needs {
		if status := p.Step(id).Status; status == "" || status == runner.Running {
			names = append(names, id)
		}
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return names[0]
	case 2:
		return names[0] + " and " + names[1]
	}
	return human.Some(names, 1)
}
