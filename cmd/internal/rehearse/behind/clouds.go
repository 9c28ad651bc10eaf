package behind

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/steps/connections"
)

// behindClouds gives the files that clouds.yaml leads to: those that the present one names, and those
// that may lie beside one of the plan or its base.
func (c *Comparison) behindClouds(before, is []reader, clouds []connections.File) []connections.File {
	all := slices.Clone(clouds)
	for _, one := range slices.Concat(is, before) {
		name, isClouds := strings.CutSuffix(one.name, ".clouds_file")
		if !isClouds {
			continue
		}
		for _, file := range one.files {
			for _, kind := range []string{"secure", "clouds-public"} {
				for _, ending := range []string{".yaml", ".yml", ".json"} {
					all = append(all, connections.File{Setting: name, Path: filepath.Join(filepath.Dir(file), kind+ending)})
				}
			}
		}
	}
	return all
}
