package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
)

// An imageExplainer is a step that can explain for each image of its release why
// it includes the image or leaves it out.
type imageExplainer interface {
	ExplainImages(ctx context.Context, w runner.World) ([]tripleo.Verdict, error)
}

func (p *program) explainImagesCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain-images",
		Usage:     "explain why each image is taken or left out",
		ArgsUsage: "[STEP]",
		Description: "Lists all images of the release of a prepare step: which services need them,\non which roles, and which line of which file decides. Contacts no registry.\n" +
			"Where images are selected by their tags (from:), it asks the registry for the\ntags, and says how many each stage leaves and which would be chosen now.",
		Flags: append(planFlags(),
			&cli.StringFlag{Name: "service", Usage: "only images that the service `NAME` needs, as NovaApi"},
			&cli.StringFlag{Name: "parameter", Usage: "only the image that the parameter `NAME` sets"},
			&cli.StringFlag{Name: "image", Usage: "only images whose name contains `TEXT`"},
			&cli.StringFlag{Name: "tag", Usage: "say why `TAG` is selected, or which stage leaves it out"},
			stateFlag(), lockFlag(),
			commandline.JSONFlag()),
		Action: func(c *cli.Context) error {
			s, err := p.load(c)
			if err != nil {
				return err
			}
			return p.explainAllImages(c, s)
		},
	}
}

// explainAllImages explains images that a release has, and images that are selected by
// their tags. A flag that is for the one kind leaves the other out.
func (p *program) explainAllImages(c *cli.Context, s *session) error {
	id, tag := c.Args().First(), c.String("tag")
	found, err := s.explainImages(c.Context, id)
	if err != nil {
		return err
	}
	var selected []stepSelection
	if c.String("service")+c.String("parameter")+c.String("image") == "" {
		if selected, err = s.explainSelections(c); err != nil {
			return err
		}
	}
	if len(selected) > 0 && tag != "" {
		found = found[:0]
	}
	switch {
	case len(found) > 0:
		if found, err = selectVerdicts(c, found); err != nil {
			return err
		}
	case len(selected) > 0:
	case id != "":
		return commandline.Usage(fmt.Errorf("the plan has no prepare step %q, and no step of that name that selects images", id))
	default:
		return commandline.Usage(errors.New("the plan has no prepare step, and no step that selects images"))
	}
	if c.Bool("json") {
		err = p.PrintDocument(document.ExplainImages{Plan: s.graph.Plan.Name, Steps: found, Selections: documented(selected)})
	} else {
		out := view.NewRelativePaths(p.Stdout, p.Dir)
		printSelections(out, selected, tag)
		if len(found) > 0 {
			printVerdicts(out, found)
		}
	}
	return errors.Join(err, selectionError(selected, tag))
}

// explainImages returns the verdicts of every step that can give them, or of
// the step id alone. A step of which all images are selected has none.
func (s *session) explainImages(ctx context.Context, id string) ([]document.ExplainedStep, error) {
	all := []document.ExplainedStep{}
	for _, n := range s.graph.Nodes {
		step := n.Type.New()
		e, can := step.(imageExplainer)
		if !can || id != "" && n.ID() != id {
			continue
		}
		// Outputs of other steps stay unknown: they affect tags at most.
		if errs := n.Step.With.Decode(step, nil); len(errs) > 0 {
			return nil, errs.Err()
		}
		verdicts, err := e.ExplainImages(ctx, &runner.Disk{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.ID(), err)
		}
		if len(verdicts) > 0 {
			all = append(all, document.ExplainedStep{Step: n.ID(), Images: verdicts})
		}
	}
	return all, nil
}

// selectVerdicts keeps the images that the flags select. If none is left, the
// command line is wrong.
func selectVerdicts(c *cli.Context, all []document.ExplainedStep) ([]document.ExplainedStep, error) {
	service, parameter, image := c.String("service"), c.String("parameter"), c.String("image")
	left := 0
	names := map[string]bool{}
	for i := range all {
		all[i].Images = slices.DeleteFunc(all[i].Images, func(v tripleo.Verdict) bool {
			for _, s := range v.Services {
				names[shortService(s.Service)] = true
			}
			for _, param := range v.Parameters {
				names[param] = true
			}
			needs := func(s tripleo.ServiceVerdict) bool {
				return s.Service == service || strings.EqualFold(shortService(s.Service), service)
			}
			return service != "" && !slices.ContainsFunc(v.Services, needs) ||
				parameter != "" && !slices.Contains(v.Parameters, parameter) ||
				image != "" && !strings.Contains(v.Image, image)
		})
		left += len(all[i].Images)
	}
	if left > 0 {
		return all, nil
	}
	err := errors.New("no image of the release matches")
	for _, got := range []string{service, parameter} {
		if hint := human.DidYouMean(got, slices.Collect(maps.Keys(names))); hint != "" {
			err = fmt.Errorf("%w; %s", err, hint)
		}
	}
	return nil, commandline.Usage(err)
}

func shortService(name string) string { return name[strings.LastIndexByte(name, ':')+1:] }

func printVerdicts(out io.Writer, all []document.ExplainedStep) {
	included, total := 0, 0
	for _, e := range all {
		for _, v := range e.Images {
			sign := "-"
			if total++; v.In {
				sign = "+"
				included++
			}
			fmt.Fprintf(out, "%s %s: %s\n", sign, v.Image, v.Because)
			if len(v.Parameters) > 0 {
				fmt.Fprintf(out, "    sets %s\n", strings.Join(v.Parameters, ", "))
			}
			for _, s := range v.Services {
				printService(out, s)
			}
		}
	}
	fmt.Fprintf(out, "\n%d of %s included\n", included, human.Count(total, "image", "images"))
}

func printService(out io.Writer, s tripleo.ServiceVerdict) {
	roles := "in no role"
	if len(s.Roles) > 0 {
		roles = "in " + strings.Join(s.Roles, "; ")
	}
	fmt.Fprintf(out, "    %s: %s; %s\n", shortService(s.Service), roles, s.Target)
}
