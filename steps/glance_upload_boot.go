package steps

import (
	"context"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/place"
)

// surveyBoot compares the files in the boot directory with their sources.
func (s *glanceUpload) surveyBoot(ctx context.Context, w runner.World, files map[string]imageFile) ([]placing, error) {
	if s.HTTPBoot == "" {
		return nil, nil
	}
	var found []placing
	for _, pair := range s.bootFiles() {
		m := files[pair[0]]
		found = append(found, placing{Copy: place.Copy{From: m.Path, To: pair[1], Size: m.Size, SHA512: m.SHA512}})
	}
	return found, surveyPlacings(ctx, w, string(s.HTTPBoot), found)
}
