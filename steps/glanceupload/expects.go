package glanceupload

import (
	"path/filepath"

	"github.com/bayplan/bayplan/runner"
)

// Expects implements runner.Expecter: the files of the images, and the directory that
// nodes boot from.
func (s *glanceUpload) Expects() []runner.Expected {
	field := "from"
	if len(s.Images) > 0 {
		field = "images"
	}
	var all []runner.Expected
	seen := map[string]bool{}
	add := func(path, format string) {
		if path != "" && !seen[path] {
			seen[path] = true
			all = append(all, runner.Expected{Kind: runner.ExpectFile, Field: field, Path: path, Format: format})
		}
	}
	for _, img := range s.diskImages() {
		add(img.File, img.Disk)
	}
	for i, pair := range s.bootFiles() {
		add(pair[0], []string{"aki", "ari"}[i])
	}
	if s.HTTPBoot != "" {
		all = append(all, runner.Expected{Kind: runner.ExpectDirectory, Field: "http_boot", Path: string(s.HTTPBoot)})
	}
	if dir := s.toDirectory(); dir != "" {
		all = append(all, runner.Expected{Kind: runner.ExpectDirectory, Field: "to.directory", Path: filepath.Dir(dir)})
	}
	return all
}
