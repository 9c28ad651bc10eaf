package glanceupload

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// bootCopies are the files in the directory that nodes boot from. They are copies of
// image files.
type bootCopies struct {
	world  runner.World
	copies []hostfiles.Copy
}

// surveyBoot compares the files in the boot directory with their sources.
func (s *glanceUpload) surveyBoot(ctx context.Context, w runner.World, files map[string]imageFile) (bootCopies, error) {
	boot := bootCopies{world: w}
	pairs := s.bootFiles()
	if len(pairs) == 0 {
		return boot, nil
	}
	for _, pair := range pairs {
		file := files[pair[0]]
		sum, err := file.SHA512(ctx)
		if err != nil {
			return boot, err
		}
		boot.copies = append(boot.copies, hostfiles.Copy{From: file.Path, To: pair[1], Size: file.Size, SHA512: sum})
	}
	return boot, hostfiles.PlanCopies(ctx, w, string(s.HTTPBoot), boot.copies)
}

// toDo gives the copies about which something must be done.
func (b bootCopies) toDo() (some []hostfiles.Copy) {
	for _, c := range b.copies {
		if c.Op != "" {
			some = append(some, c)
		}
	}
	return some
}

func (b bootCopies) fills() map[string]runner.Content { return hostfiles.Fills(b.world, b.copies) }

func (b bootCopies) items() (items []runner.Item) {
	for _, c := range b.toDo() {
		items = append(items, c.Item())
	}
	return items
}

func (b bootCopies) files() (files []runner.File) {
	for _, c := range b.toDo() {
		files = append(files, c.File(b.world))
	}
	return files
}

func (b bootCopies) problems() (errs []error) {
	for _, c := range b.copies {
		if c.Note != "" {
			errs = append(errs, fmt.Errorf("%s: %s", c.To, c.Note))
		}
	}
	return errs
}

// checkSources checks the files that are to be copied, except those that are checked
// as images.
func (b bootCopies) checkSources(images map[string]bool) (errs []error) {
	for _, c := range b.toDo() {
		if c.AttributesOnly || images[c.From] {
			continue
		}
		format := "aki"
		if filepath.Base(c.To) == "agent.ramdisk" {
			format = "ari"
		}
		errs = append(errs, imageFile{Path: c.From, Size: c.Size, world: b.world}.Check(format, false))
	}
	return errs
}
