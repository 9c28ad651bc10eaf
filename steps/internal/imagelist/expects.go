package imagelist

import (
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/runner"
)

// Expects gives the files and the layouts that the list names, for runner.Expecter. Of a
// layout it gives the images that are named one by one, as path:tag.
func (l List) Expects(field string) []runner.Expected {
	var all []runner.Expected
	for _, f := range l.files(field) {
		all = append(all, runner.Expected{Kind: runner.ExpectImageList, Field: f.field, Path: string(f.path)})
	}
	layouts := map[string]int{} // their places in all
	for i, it := range l.Other {
		text, ok := reference(it)
		dir, inside, isLayout := registry.CutLayout(text)
		if !ok || !isLayout || dir == "" {
			continue
		}
		at, known := layouts[dir]
		if !known {
			at = len(all)
			layouts[dir] = at
			all = append(all, runner.Expected{Kind: runner.ExpectLayout, Field: item(field, i), Path: dir})
		}
		all[at].Signed = all[at].Signed || it.Other.Key != ""
		if inside != "" {
			all[at].Names = append(all[at].Names, inside)
		}
	}
	for at, key := range l.Keys(field) {
		all = append(all, runner.Expected{Kind: runner.ExpectMediaPublic, Field: at, Path: string(key)})
	}
	return all
}
