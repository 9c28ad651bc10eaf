package behind

import (
	"slices"

	"github.com/bayplan/bayplan/cmd/internal/review"
	"github.com/bayplan/bayplan/runner"
)

// lists tells which lines of lists of images are new and gone: the names of images there
// are those of stand-ins, whatever their source is.
func (c *Comparison) lists(before, is []reader, lists map[string]bool) {
	told := map[string]bool{}
	for _, one := range is {
		had := filesOf(before, one.name)
		was := review.Without(had, one.files)
		for i, file := range slices.Concat(review.Without(one.files, had), one.files) {
			if !lists[file] || told[file] {
				continue
			}
			old := "" // nothing has read it
			switch {
			case i < len(was) && !slices.Contains(had, file):
				old = c.base.In.OnDisk(was[i])
			case reads(before, file):
				old = c.base.In.OnDisk(file)
			}
			told[file] = true
			now := file
			if _, own := c.now.Root.Own(c.now.In, one.dir, file); !own && old != file {
				c.Notes = append(c.Notes, file+": it does not belong to the plan's folder, and is not read here; "+one.name+" reads it")
				now = ""
			}
			c.Changes = append(c.Changes, review.ChangedLines(file, old, now)...)
		}
	}
}

// lists gives the lists of images that steps read.
func (p *Plan) lists() map[string]bool {
	lists := map[string]bool{}
	for _, e := range runner.Expectations(slices.Concat(p.On, p.Off)) {
		if e.Kind == runner.ExpectImageList && e.Path != "" {
			lists[p.real(e.Path)] = true
		}
	}
	return lists
}
