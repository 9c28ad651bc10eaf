package imagelist

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tagselect"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/internal/version"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// TagRules say which tags are selected. They apply in the order of the fields.
type TagRules struct {
	// Regular expression that matches all of the tag, or a list of them, of which one does.
	Match plan.TextOr[string, []string] `json:"match,omitzero"`
	// Regular expression of tags that are left out, or a list of them. It matches all of the tag.
	Except plan.TextOr[string, []string] `json:"except,omitzero"`
	// Range that the tag is in, taken as a version: comparisons that all hold, such as ">=1.8 <2",
	// or several of these joined by ||. A pre-release counts only where a bound names one, as
	// ">=1.8-rc1" does; 1.8-alpine counts as 1.8; a day such as 20240131 is in ranges of days only,
	// words and commit ids are in none.
	Version string `json:"version,omitempty"`
	// How many tags of each repository stay, the newest by version. Words and commit ids never do.
	Newest *int `json:"newest,omitempty" jsonschema:"minimum=1"`
	// Tags that are added whatever the rest says.
	Also []string `json:"also,omitempty"`
	// Fewest tags that must be left, without those of also, in all repositories together; with
	// fewer the step fails.
	AtLeast *int `json:"at_least,omitempty" jsonschema:"minimum=1,default=1"`
}

// A Choose gives the images of a selection, as connections.Set.Selected does.
type Choose func(context.Context, tagselect.Selection) ([]string, error)

// selection gives what a source selects.
func (s Source) selection() tagselect.Selection {
	sel := tagselect.Selection{From: s.From, AtLeast: 1}
	if t := s.Tags; t != nil {
		sel.Rule = tagselect.Rule{Match: texts(t.Match), Except: texts(t.Except), Version: t.Version, Also: t.Also}
		if t.Newest != nil {
			sel.Newest = *t.Newest
		}
		if t.AtLeast != nil {
			sel.AtLeast = *t.AtLeast
		}
	}
	return sel
}

// texts gives the texts of a setting that is one text or a list.
func texts(v plan.TextOr[string, []string]) []string {
	if v.Text != "" {
		return []string{v.Text}
	}
	return v.Other
}

// Selections gives the selections of the list whose repository is known.
func (l List) Selections() []tagselect.Selection {
	var all []tagselect.Selection
	for _, it := range l.Other {
		if it.Other.From != "" {
			all = append(all, it.Other.selection())
		}
	}
	return all
}

// selected gives the images of a selection as entries of the list.
func selected(ctx context.Context, s Source, place string, choose Choose) ([]Entry, error) {
	names, err := choose(ctx, s.selection())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	all := make([]Entry, len(names))
	for i, name := range names {
		all[i] = Entry{ListedImage: tripleo.ListedImage{Name: name}, Place: place}
	}
	return all, nil
}

// selectionInput gives what a selection has chosen as an input of the step.
func selectionInput(ctx context.Context, s Source, place string, choose Choose) (runner.Input, error) {
	names, err := choose(ctx, s.selection())
	if err != nil {
		return runner.Input{}, fmt.Errorf("%s: %w", place, err)
	}
	sum := sha256.Sum256([]byte(strings.Join(names, "\n")))
	return runner.Input{Name: "selection " + s.selection().Name(), Digest: fmt.Sprintf("sha256:%x", sum)}, nil
}

// validate checks a source of images. What is not known yet passes. layouts says whether it
// may be a layout.
func (s Source) validate(field string, layouts bool) error {
	errs := []error{plan.At(field+".layout", CheckLayoutPath(string(s.Layout)))}
	if s.Layout != "" && !layouts {
		errs = append(errs, plan.At(field+".layout", errNoLayout))
	}
	if s.Key != "" {
		errs = append(errs, plan.At(field+".key", s.checkKeyed()))
	}
	if s.From != "" {
		_, _, err := tagselect.Split(s.From)
		errs = append(errs, plan.At(field+".from", err))
	}
	switch {
	case s.Tags == nil:
	case s.Layout != "":
		errs = append(errs, plan.At(field+".tags", errors.New("it goes with from; of a layout all images are meant")))
	case s.File != "":
		errs = append(errs, plan.At(field+".tags", errors.New("it goes with from; a file says which tags it has")))
	default:
		errs = append(errs, s.Tags.validate(field+".tags", tagselect.IsPattern(s.From))...)
	}
	return errors.Join(errs...)
}

func (t *TagRules) validate(field string, many bool) []error {
	errs := append(validatePatterns(field+".match", t.Match), validatePatterns(field+".except", t.Except)...)
	if t.Version != "" {
		_, err := version.ParseRange(t.Version)
		errs = append(errs, plan.At(field+".version", err))
	}
	for name, n := range map[string]*int{"newest": t.Newest, "at_least": t.AtLeast} {
		if n != nil && *n < 1 {
			errs = append(errs, plan.At(field+"."+name, fmt.Errorf("%d is less than 1", *n)))
		}
	}
	if t.Newest != nil && t.AtLeast != nil && *t.Newest < *t.AtLeast && !many {
		errs = append(errs, plan.At(field+".at_least", fmt.Errorf("%d is more than newest leaves, %d", *t.AtLeast, *t.Newest)))
	}
	for i, tag := range t.Also {
		if _, _, got, err := registry.Split("a.example/b:" + tag); tag != "" && (err != nil || got != tag) {
			errs = append(errs, plan.At(item(field+".also", i), fmt.Errorf("%q is not a tag", tag)))
		}
	}
	if t.Also != nil && t.Match.IsZero() && t.Except.IsZero() && t.Version == "" && t.Newest == nil {
		errs = append(errs, plan.At(field+".also", errors.New("alone it adds nothing, since all tags are selected; write match, version or newest with it, or the images as items of their own")))
	}
	return errs
}

func validatePatterns(field string, v plan.TextOr[string, []string]) []error {
	var errs []error
	for i, text := range texts(v) {
		at := field
		if v.Text == "" {
			at = item(field, i)
		}
		_, err := tagselect.Pattern(text)
		errs = append(errs, plan.At(at, err))
	}
	return errs
}
