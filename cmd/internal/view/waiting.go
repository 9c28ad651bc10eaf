package view

import (
	"fmt"

	"github.com/bayplan/bayplan/internal/human"
)

// maxNeeds is how many of the steps that one waits for are named.
const maxNeeds = 2

// waiting says which steps wait and for whom, as far as that fits into so many columns:
// "catalog waits for containers, register for images and overcloud; 3 more wait".
func (p *progress) waiting(columns int) string {
	var entries []string
	for _, s := range p.steps {
		if p.ended[s.ID] || p.step(s.ID) != nil {
			continue
		}
		entries = append(entries, s.ID+" for "+p.missing(s))
	}
	text := ""
	for i, entry := range entries {
		longer, more := text, ""
		if longer == "" {
			longer = "waiting: " + entry
		} else {
			longer += "; " + entry
		}
		if rest := len(entries) - i - 1; rest > 0 {
			more = fmt.Sprintf("; %d more", rest)
		}
		if human.Width(longer+more) > columns {
			if text == "" {
				return fmt.Sprintf("%s for others", human.Count(len(entries), "step waits", "steps wait"))
			}
			return fmt.Sprintf("%s; %d more", text, len(entries)-i)
		}
		text = longer
	}
	return text
}

// missing names the steps that one waits for.
func (p *progress) missing(s Step) string {
	var names []string
	for _, id := range s.Needs {
		if !p.ended[id] {
			names = append(names, id)
		}
	}
	switch n := len(names); {
	case n == 0:
		return "its turn" // --parallel
	case n == 1:
		return names[0]
	case n == maxNeeds:
		return names[0] + " and " + names[1]
	}
	return fmt.Sprintf("%s and %d more", names[0], len(names)-1)
}
