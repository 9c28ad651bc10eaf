package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
)

// An imageExplainer is a step that can explain for each image of its release why
// it includes the image or leaves it out.
type imageExplainer interface {
	ExplainImages(w runner.World) ([]tripleo.Verdict, error)
}

func (p *program) explainImagesCommand() *cli.Command {
	return &cli.Command{
		Name:        "explain-images",
		Usage:       "explain why each image is prepared or left out",
		ArgsUsage:   "[STEP]",
		Description: "Lists all images of the release of a prepare step: which services need them,\non which roles, and which line of which file decides. Contacts no registry.",
		Flags: append(planFlags(),
			&cli.StringFlag{Name: "service", Usage: "only images that the service `NAME` needs, as NovaApi"},
			&cli.StringFlag{Name: "parameter", Usage: "only the image that the parameter `NAME` sets"},
			&cli.StringFlag{Name: "image", Usage: "only images whose name contains `TEXT`"},
			jsonFlag()),
		Action: func(c *cli.Context) error {
			s, err := p.load(c)
			if err != nil {
				return err
			}
			found, err := s.explainImages(c.Args().First())
			if err != nil {
				return err
			}
			if found, err = selectVerdicts(c, found); err != nil {
				return err
			}
			if c.Bool("json") {
				return p.printJSON(map[string]any{"steps": found})
			}
			printVerdicts(newRelativePathWriter(p.stdout, p.dir), found)
			return nil
		},
	}
}

// stepVerdicts are the verdicts of one step on its images.
type stepVerdicts struct {
	Step   string            `json:"step"`
	Images []tripleo.Verdict `json:"images"`
}

// explainImages returns the verdicts of every step that can give them, or of
// the step id alone.
func (s *session) explainImages(id string) ([]stepVerdicts, error) {
	var all []stepVerdicts
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
		verdicts, err := e.ExplainImages(&runner.Disk{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.ID(), err)
		}
		all = append(all, stepVerdicts{n.ID(), verdicts})
	}
	if len(all) == 0 && id != "" {
		return nil, usageError{fmt.Errorf("the plan has no prepare step %q", id)}
	} else if len(all) == 0 {
		return nil, usageError{errors.New("the plan has no prepare step")}
	}
	return all, nil
}

// selectVerdicts keeps the images that the flags select. If none is left, the
// command line is wrong.
func selectVerdicts(c *cli.Context, all []stepVerdicts) ([]stepVerdicts, error) {
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
	return nil, usageError{err}
}

func shortService(name string) string { return name[strings.LastIndexByte(name, ':')+1:] }

func printVerdicts(out io.Writer, all []stepVerdicts) {
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
