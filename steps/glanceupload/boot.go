package glanceupload

import (
	"context"
	"path/filepath"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// surveyBoot compares the files in the boot directory with their sources.
func (s *glanceUpload) surveyBoot(ctx context.Context, w runner.World, files map[string]imageFile) ([]hostfiles.Copy, error) {
	pairs := s.bootFiles()
	if len(pairs) == 0 {
		return nil, nil
	}
	var found []hostfiles.Copy
	for _, pair := range pairs {
		sum, err := hostfiles.SHA512(ctx, w, pair[0])
		if err != nil {
			return nil, err
		}
		m := files[pair[0]]
		found = append(found, hostfiles.Copy{From: m.Path, To: pair[1], Size: m.Size, SHA512: sum})
	}
	return found, hostfiles.PlanCopies(ctx, w, string(s.HTTPBoot), found)
}

// checkBootFiles looks at the files that are to be placed, but for those that
// are looked at as images.
func checkBootFiles(w runner.World, placed []hostfiles.Copy, images map[string]bool) []error {
	var errs []error
	for _, p := range placed {
		if p.Op == "" || p.AttributesOnly || images[p.From] {
			continue
		}
		format := "aki"
		if filepath.Base(p.To) == "agent.ramdisk" {
			format = "ari"
		}
		errs = append(errs, checkImageFile(w, imageFile{Path: p.From, Size: p.Size}, format, false))
	}
	return errs
}
