package mirror

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
)

// recordedImages gives the images that were at the destination when the step last
// succeeded, and those that a failed run since then has found or brought there.
func recordedImages(prior *runner.Record) []string {
	return recordedItems(prior, "images")
}

// recordedItems gives the items of an output when the step last succeeded, and those of a
// failed run since then.
func recordedItems(prior *runner.Record, output string) []string {
	if prior == nil {
		return nil
	}
	return slices.Concat(prior.Outputs[output].Items(), prior.Partial[output].Items())
}

func (d deciding) outputsOf(images []*registry.ImagePlan) runner.Outputs {
	refs, rewritten := make([]string, len(images)), []string{}
	for i, e := range images {
		refs[i] = imagelist.RefWithDigest(e.Target, e.Digest)
		if e.Original != "" {
			rewritten = append(rewritten, refs[i])
		}
	}
	out := outputs(refs, rewritten)
	out["trusted"] = d.verdicts(images)
	return out
}

// verdicts gives the output trusted.
func (d deciding) verdicts(images []*registry.ImagePlan) plan.Value {
	found := []string{}
	for _, e := range images {
		found = append(found, d.verdict(e.Source, cmp.Or(e.Original, e.Digest)))
	}
	return plan.List(distinct(found)...)
}

// distinct gives the texts that are not empty, each once: all destinations of an image have
// one source and one verdict.
func distinct(texts []string) []string {
	all, seen := []string{}, map[string]bool{"": true}
	for _, t := range texts {
		if !seen[t] {
			seen[t] = true
			all = append(all, t)
		}
	}
	return all
}

// incomplete gives an error for a plan of which some images failed. It has the images
// that are at the destination, so that the next run does not check them again, and all
// that were found to be trusted.
func (d deciding) incomplete(t *registry.TransferPlan, err error) error {
	if t == nil || err == nil {
		return err
	}
	var there []*registry.ImagePlan
	for _, e := range t.Images {
		if e.State == registry.Unchanged || e.State == registry.Copied {
			there = append(there, e)
		}
	}
	done := d.outputsOf(there)
	done["trusted"] = d.verdicts(t.Images)
	return &runner.IncompleteError{Done: done, Err: err}
}

// outputs gives the outputs of images, of which none is known to be trusted.
func outputs(refs, rewritten []string) runner.Outputs {
	return runner.Outputs{
		"images": plan.List(refs...), "rewritten": plan.List(rewritten...), "trusted": plan.List([]string{}...),
		"count": plan.Text(fmt.Sprint(len(refs))),
	}
}
