package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/tagselect"
	"github.com/bayplan/bayplan/runner"
)

// A selector is a step that selects images by their tags.
type selector interface {
	Selections() []tagselect.Selection
}

// stepSelection is what a selection of a step would choose now.
type stepSelection struct {
	document.StepSelections
	err error
}

// documented returns the selections as programs get them.
func documented(all []stepSelection) []document.StepSelections {
	list := []document.StepSelections{}
	for _, s := range all {
		list = append(list, s.StepSelections)
	}
	return list
}

// selectingSteps gives the selections of every step, or of the step id alone, without
// what each chooses.
func (s *session) selectingSteps(id string) ([]stepSelection, map[string]tagselect.Selection, error) {
	var all []stepSelection
	selections := map[string]tagselect.Selection{}
	for _, n := range s.graph.Nodes {
		step := n.Type.New()
		e, can := step.(selector)
		if !can || id != "" && n.ID() != id {
			continue
		}
		if errs := n.Step.With.Decode(step, nil); len(errs) > 0 {
			return nil, nil, errs.Err()
		}
		for _, sel := range e.Selections() {
			selections[sel.Name()] = sel
			all = append(all, stepSelection{StepSelections: document.StepSelections{Step: n.ID(), Selection: sel.Name(), Repositories: tagselect.Choices{}}})
		}
	}
	return all, selections, nil
}

// explainSelections asks the registries for tags and says what each selection chooses of
// them. It does not look at what is locked.
func (s *session) explainSelections(c *cli.Context) ([]stepSelection, error) {
	all, selections, err := s.selectingSteps(c.Args().First())
	if err != nil || len(all) == 0 {
		return nil, err
	}
	err = s.withReadOnlyRunner(c, func(*runner.Runner) error {
		for i := range all {
			e := &all[i]
			found, err := s.conns.ExplainSelection(c.Context, selections[e.Selection])
			if e.Repositories = append(e.Repositories, found...); err != nil {
				e.err, e.Error = err, err.Error()
			}
			e.Tags = verdictsOn(e.Repositories, c.String("tag"))
		}
		return nil
	})
	return all, err
}

func verdictsOn(all tagselect.Choices, tag string) []document.TagVerdict {
	var verdicts []document.TagVerdict
	for _, choice := range all {
		if why, listed := choice.Why(tag); listed {
			verdicts = append(verdicts, document.TagVerdict{Image: choice.Repository + ":" + tag, In: why == "", Why: why})
		}
	}
	return verdicts
}

// selectionError gives the errors of the selections, or an error if a tag is in none.
func selectionError(all []stepSelection, tag string) error {
	var errs []error
	found := false
	for _, e := range all {
		if e.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", e.Step, e.err))
		}
		found = found || len(e.Tags) > 0
	}
	if len(errs) == 0 && tag != "" && !found {
		return commandline.Usage(fmt.Errorf("no repository that images are selected from has the tag %q", tag))
	}
	return errors.Join(errs...)
}

// printSelections says how many tags each stage of each selection leaves, or why the tags
// that the flag names are in or out.
func printSelections(out io.Writer, all []stepSelection, tag string) {
	for _, e := range all {
		if tag != "" {
			for _, v := range e.Tags {
				if v.In {
					fmt.Fprintf(out, "+ %s: chosen\n", v.Image)
				} else {
					fmt.Fprintf(out, "- %s: %s\n", v.Image, v.Why)
				}
			}
			continue
		}
		fmt.Fprintf(out, "%s: %s\n", e.Step, e.Selection)
		for _, choice := range e.Repositories {
			printChoice(out, choice)
		}
	}
}

func printChoice(out io.Writer, c *tagselect.Choice) {
	fmt.Fprintf(out, "  %s: %s\n", c.Repository, human.Count(c.Listed, "tag", "tags"))
	for i, stage := range c.Stages {
		if i > 0 || stage.Left < c.Listed { // most repositories have no signatures
			fmt.Fprintf(out, "    %s: %d left\n", stage.Text, stage.Left)
		}
	}
	for _, tag := range c.Chosen {
		fmt.Fprintf(out, "    + %s\n", tag)
	}
}
