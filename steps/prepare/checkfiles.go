package prepare

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// CheckFiles implements runner.FileChecker. It reads the list of images, or each
// environment and the roles file by itself, and finds the images if all files are there.
func (p *prepare) CheckFiles(ctx context.Context, w runner.World, known bool) error {
	if !p.Images.IsZero() {
		return p.Images.CheckFiles(w, "images", imagelist.Destination{})
	}
	request, err := p.request(w)
	if err != nil {
		return err
	}
	var errs []error
	complete := true
	for _, f := range request.InputFiles() {
		if _, err := w.Stat(f.Path); err != nil {
			complete = false
			continue
		}
		errs = append(errs, plan.At(p.fieldOf(f.Path), f.Check(w.Open)))
	}
	if err := errors.Join(errs...); err != nil || !complete || !known {
		return err
	}
	_, err = p.selection(ctx, w, request)
	return err
}

// fieldOf gives the field that names a file.
func (p *prepare) fieldOf(path string) string {
	for i, env := range setting.Paths(p.Environments) {
		if env == path {
			return fmt.Sprintf("environments[%d]", i)
		}
	}
	switch path {
	case filepath.Clean(string(p.RolesFile)):
		return "roles_file"
	case filepath.Clean(string(p.Template)):
		return "template"
	}
	return ""
}
