package view

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner/history"
)

// didText says in one line what an ended step did: "45 images created, 601.3 MiB moved,
// 112.5 MiB mounted". It is "" for a step that counted nothing, or never ran.
func didText(s *history.StepProgress) string {
	if s == nil {
		return ""
	}
	var parts []string
	for _, c := range s.Finished {
		if s.Done == 1 {
			parts = append(parts, fmt.Sprintf("%s %s %s", c.What, c.Name, Done(c.Op)))
			continue
		}
		parts = append(parts, human.Count(c.N, string(c.What), plural(string(c.What)))+" "+Done(c.Op))
	}
	if s.Bytes > 0 {
		parts = append(parts, human.Size(s.Bytes)+" moved")
	}
	if s.Mounted > 0 {
		parts = append(parts, human.Size(s.Mounted)+" mounted")
	}
	return strings.Join(parts, ", ")
}

// plural returns the plural of a kind of items.
func plural(noun string) string {
	switch rest, ends := strings.CutSuffix(noun, "y"); {
	case ends:
		return rest + "ies"
	case strings.HasSuffix(noun, "s"):
		return noun
	}
	return noun + "s"
}
