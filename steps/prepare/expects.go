package prepare

import (
	"fmt"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/labels"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// Expects implements runner.Expecter: the files that are read, the directories that are
// written into, and the labels of images.
func (p *prepare) Expects() []runner.Expected {
	all := p.Images.Expects("images")
	add := func(kind runner.Kind, field string, path plan.Path) {
		if path != "" {
			all = append(all, runner.Expected{Kind: kind, Field: field, Path: string(path), Format: p.Release})
		}
	}
	add(runner.ExpectTree, "tht", p.Tree)
	add(runner.ExpectTemplate, "template", p.Template)
	add(runner.ExpectRoles, "roles_file", p.RolesFile)
	for i, dir := range p.EnvironmentDirectories {
		add(runner.ExpectEnvironments, fmt.Sprintf("environment_directories[%d]", i), dir)
	}
	for i, file := range p.Environments {
		add(runner.ExpectEnvironment, fmt.Sprintf("environments[%d]", i), file)
	}
	if p.EnvFile != "" {
		add(runner.ExpectDirectory, "env_file", plan.Path(filepath.Dir(string(p.EnvFile))))
	}
	if p.ImagesFile != "" {
		add(runner.ExpectDirectory, "images_file", plan.Path(filepath.Dir(string(p.ImagesFile))))
	}
	if p.TagFromLabel != "" {
		all = append(all, runner.Expected{Kind: runner.ExpectLabels, Field: "tag_from_label", Names: labels.Names(p.TagFromLabel)})
	}
	return all
}

// Foresee implements runner.Foreseer.
func (p *prepare) Foresee() runner.Outputs {
	out := runner.Outputs{}
	if p.EnvFile != "" {
		out["env_file"] = plan.Text(string(p.EnvFile))
	}
	if p.ImagesFile != "" {
		out["images_file"] = plan.Text(string(p.ImagesFile))
	}
	return out
}
