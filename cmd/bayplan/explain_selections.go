package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

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
	Step         string            `json:"step"`
	Selection    string            `json:"selection"`
	Repositories tagselect.Choices `json:"repositories"`
	Tags         []tagVerdict      `json:"tags,omitempty"` // those that --tag names
	Error        string            `json:"error,omitempty"`

	err error
}

// A tagVerdict says why an image was chosen or left out.
type tagVerdict struct {
	Image string `json:"image"`
	In    bool   `json:"in"`
	Why   string `json:"why,omitempty"`
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
			all = append(all, stepSelection{Step: n.ID(), Selection: sel.Name()})
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
			e.Repositories, e.err = s.conns.ExplainSelection(c.Context, selections[e.Selection])
			if e.err != nil {
				e.Error = e.err.Error()
			}
			e.Tags = verdictsOn(e.Repositories, c.String("tag"))
		}
		return nil
	})
	return all, err
}

func verdictsOn(all tagselect.Choices, tag string) []tagVerdict {
	var verdicts []tagVerdict
	for _, choice := range all {
		if why, listed := choice.Why(tag); listed {
			verdicts = append(verdicts, tagVerdict{choice.Repository + ":" + tag, why == "", why})
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
		return usageError{fmt.Errorf("no repository that images are selected from has the tag %q", tag)}
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
