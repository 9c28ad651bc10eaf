package prepare

import (
	"slices"

	"github.com/bayplan/bayplan/internal/tripleo"
)

// renamed gives the images with their names at push_destination, and a note for each rule
// of rename that applies to none.
func (p *prepare) renamed(images []tripleo.Image) ([]tripleo.Image, []string) {
	applied := map[int]bool{}
	images = tripleo.Renamed(images, func(name string) string {
		name, rule := p.Rename.Apply(name)
		applied[rule] = true
		return name
	})
	return images, p.Rename.Unmatched(applied)
}

// notes gives what people should know of the images, and of those that the format does not have.
func (p *prepare) notes(result tripleo.Result) []string {
	format, err := tripleo.FindFormat(p.Format)
	if err != nil || format.Notes == nil {
		return result.Notes
	}
	return slices.Concat(result.Notes, format.Notes(result))
}
