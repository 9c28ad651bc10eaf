package tagdiscover

import (
	"github.com/bayplan/bayplan/internal/labels"
	"github.com/bayplan/bayplan/runner"
)

// Expects implements runner.Expecter: the labels of the image, or tags that newest matches.
func (s *tagDiscover) Expects() []runner.Expected {
	switch {
	case s.TagFromLabel != "":
		return []runner.Expected{{Kind: runner.ExpectLabels, Field: "tag_from_label", Names: labels.Names(s.TagFromLabel)}}
	case s.Newest != "" && s.Image != "":
		return []runner.Expected{{Kind: runner.ExpectTags, Field: "newest", Names: []string{s.Newest}, For: s.repository()}}
	}
	return nil
}
