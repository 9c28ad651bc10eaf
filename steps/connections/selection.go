package connections

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tagselect"
	"github.com/bayplan/bayplan/runner"
)

// AllTags lists the tags of a repository, HOST/NAME, once in a run.
func (s *Set) AllTags(ctx context.Context, repository string) ([]string, error) {
	if s.lock == nil {
		return s.Registry().AllTags(ctx, repository)
	}
	return s.lock.tags.get(ctx, s.canonicalRepository(repository), func() ([]string, error) {
		return s.Registry().AllTags(ctx, repository)
	})
}

// Catalog lists the repositories of a registry, once in a run. It is for selections: the
// hint of its error says what to write where the catalog is closed.
func (s *Set) Catalog(ctx context.Context, host string) ([]string, error) {
	look := func() ([]string, error) {
		names, err := s.Registry().Catalog(ctx, host)
		if registry.CatalogClosed(err) {
			err = fault.WithHint(fmt.Errorf("%s does not show its catalog, so a pattern of repositories cannot be matched: %w", host, err),
				fmt.Sprintf("write the repositories out, each as an item of its own: from: %s/NAME", host))
		}
		return names, err
	}
	if s.lock == nil {
		return look()
	}
	return s.lock.catalogs.get(ctx, s.identities().Name(host), look)
}

// canonicalRepository gives the one name of a repository, or of a pattern of them.
func (s *Set) canonicalRepository(name string) string {
	host, repository, err := tagselect.Split(name)
	if err != nil {
		return name
	}
	return s.identities().Name(host) + "/" + repository
}

// Selected gives the images that are locked for a selection of the plan. Where none are
// locked, it chooses, and locks what it has chosen; where that is not allowed, it gives an
// error. A selection whose text changes is another one.
func (s *Set) Selected(ctx context.Context, sel tagselect.Selection) ([]string, error) {
	images, err := s.selected(ctx, sel)
	return asWritten(sel.From, images), err
}

// asWritten gives images with the host, and of one repository also with the name, that
// the plan has: their names at a destination follow from it.
func asWritten(from string, images []string) []string {
	host, _, _ := strings.Cut(from, "/")
	for i, image := range images {
		_, rest, _ := strings.Cut(image, "/")
		images[i] = host + "/" + rest
		if !tagselect.IsPattern(from) {
			images[i] = from + image[strings.LastIndex(image, ":"):]
		}
	}
	return images
}

// selected gives the images as the lock file spells them.
func (s *Set) selected(ctx context.Context, sel tagselect.Selection) ([]string, error) {
	sel.From = s.canonicalRepository(sel.From)
	missing := fmt.Errorf("the lock file does not have what is selected from %s, or the selection has changed since", sel.From)
	value, err := s.chosen(ctx, sel.Name(), missing, func() (string, error) {
		all, err := sel.Choose(ctx, s)
		if err != nil {
			return "", err
		}
		return s.spelledAs(s.lockedBefore(sel), all.Images()), nil
	})
	images := lockfile.SplitImages(value)
	if err == nil && len(images) < sel.AtLeast {
		err := fmt.Errorf("the lock file has %s from %s, fewer than at_least: %d", human.Count(len(images), "tag", "tags"), sel.From, sel.AtLeast)
		return nil, fault.WithHint(err, "run bayplan lock, which chooses anew")
	}
	return images, err
}

// lockedBefore gives what the lock file had for a selection, "" for nothing.
func (s *Set) lockedBefore(sel tagselect.Selection) string {
	if s.lock == nil {
		return ""
	}
	return s.lock.file.Before(s.choiceName(sel.Name()))
}

// spelledAs joins images. Those that are locked already keep the spelling that they have.
func (s *Set) spelledAs(locked string, images []string) string {
	spelling := map[string]string{}
	for _, image := range lockfile.SplitImages(locked) {
		spelling[s.canonicalName(image)] = image
	}
	for i, image := range images {
		images[i] = cmp.Or(spelling[s.canonicalName(image)], image)
	}
	return lockfile.JoinImages(images)
}

// ExplainSelection chooses anew, whatever is locked, and gives the choices by repository.
// It gives them also with the error of a selection that chooses too little.
func (s *Set) ExplainSelection(ctx context.Context, sel tagselect.Selection) (tagselect.Choices, error) {
	return sel.Choose(ctx, s)
}

// MovedSelections reports the selections that would choose other images now than those
// that are locked, each once in a run, as notes and for programs.
func (s *Set) MovedSelections(ctx context.Context, selections []tagselect.Selection) (notes []string, moved []runner.Moved) {
	if s.lock == nil || !s.lock.ReportMoved || s.lock.Strict {
		return nil, nil
	}
	for _, sel := range selections {
		sel.From = s.canonicalRepository(sel.From)
		was := s.lockedBefore(sel)
		if was == "" || !s.lock.markReported(sel.Name()) {
			continue
		}
		note, more := s.movedSelection(ctx, sel, was)
		if note != "" {
			notes = append(notes, note)
		}
		moved = append(moved, more...)
	}
	return notes, moved
}

func (s *Set) movedSelection(ctx context.Context, sel tagselect.Selection, was string) (string, []runner.Moved) {
	all, err := sel.Choose(ctx, s)
	if err != nil && len(all) == 0 {
		if registry.KindOf(err) == registry.NotFound {
			return fmt.Sprintf("%s is gone from its registry; the lock file keeps what it chose", sel.From), []runner.Moved{{Name: sel.Name(), From: was}}
		}
		return fmt.Sprintf("what would be selected from %s now could not be asked: %v", sel.From, err), nil
	}
	gone, added := lockfile.Difference(was, s.spelledAs(was, all.Images()))
	if len(gone)+len(added) == 0 {
		return "", nil
	}
	var moved []runner.Moved
	var parts []string
	for _, image := range added {
		moved = append(moved, runner.Moved{Name: sel.Name(), To: image})
	}
	for _, image := range gone {
		moved = append(moved, runner.Moved{Name: sel.Name(), From: image})
	}
	if len(added) > 0 {
		parts = append(parts, "choose "+few(added)+" now")
	}
	if len(gone) > 0 {
		parts = append(parts, "no longer choose "+few(gone))
	}
	return fmt.Sprintf("%s would %s; the lock file keeps %s", sel.Name(), strings.Join(parts, " and "), human.Count(len(lockfile.SplitImages(was)), "image", "images")), moved
}

// few names the first images.
func few(images []string) string { return human.Some(images, 5) }
