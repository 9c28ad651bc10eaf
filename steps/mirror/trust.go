package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/runner"
)

// A deciding is the step and its policy, from a Diff to its Apply or in a Verify.
type deciding struct {
	*mirror
	policy *trust.Policy // nil: all images are trusted
}

// decide makes the policy of the plan. The record has the verdicts of earlier runs; a
// verify gives none, since it looks at everything again.
func (m *mirror) decide(w runner.World, prior *runner.Record) (deciding, error) {
	d := deciding{mirror: m}
	if len(m.trustRules()) == 0 {
		return d, nil
	}
	rules := make([]trust.Rule, len(m.trustRules()))
	for i, r := range m.trustRules() {
		rule, err := m.rule(w, r)
		if err != nil {
			return d, fmt.Errorf("signatures.trust[%d]: %w", i, err)
		}
		rules[i] = rule
	}
	var err error
	d.policy, err = trust.NewPolicy(rules, recordedItems(prior, "trusted"))
	return d, err
}

// repositories gives the pattern of a rule, in the spelling that the names of images have:
// that of the host, and with library/ before the one part of a name of Docker Hub.
func (m *mirror) repositories(text string) trust.Pattern {
	host, path, _ := strings.Cut(text, "/")
	switch _, _, layout := registry.CutLayout(text); {
	case layout || path == "":
	case strings.ContainsAny(host, "*?"):
		text = strings.ToLower(host) + "/" + path
	default:
		some := "a/b"
		if !strings.Contains(path, "/") && !strings.Contains(path, "**") {
			some = "a"
		}
		text = strings.TrimSuffix(m.out.Registry().Canonical(host+"/"+some), some) + path
	}
	return trust.NewPattern(text)
}

// admit refuses the images that no rule matches, so that no registry is asked for them.
func (d deciding) admit(images []registry.Image) []registry.Image {
	if d.policy == nil {
		return images
	}
	images = slices.Clone(images)
	for i, im := range images {
		images[i].Refused = cmp.Or(im.Refused, d.policy.Admit(d.identity(im.Source, im.Digest)))
	}
	return images
}

// admitted gives the images that a rule matches, and an error for the others, which no run
// copies. It reads no key.
func (m *mirror) admitted(images []registry.Image) ([]registry.Image, error) {
	if len(m.trustRules()) == 0 {
		return images, nil
	}
	rules := make([]trust.Rule, len(m.trustRules()))
	for i, r := range m.trustRules() {
		rules[i] = trust.Rule{Images: m.repositories(r.Images)}
	}
	policy, err := trust.NewPolicy(rules, nil)
	if err != nil {
		return nil, err
	}
	var errs []error
	images = slices.DeleteFunc(slices.Clone(images), func(im registry.Image) bool {
		err := policy.Admit(m.identity(im.Source, im.Digest))
		errs = append(errs, err)
		return err != nil
	})
	return images, errors.Join(errs...)
}

// identity gives an image as rules know it.
func (m *mirror) identity(source, digest string) trust.Image {
	return trust.NewImage(m.out.Registry().Canonical(source), digest)
}

// checkTrust is what the registry client asks before it reads an image.
func (d deciding) checkTrust(ctx context.Context, source, digest string) error {
	return d.policy.Check(ctx, d.identity(source, digest))
}

// verdict gives what the record keeps of a trusted image, "" for none.
func (d deciding) verdict(source, digest string) string {
	if d.policy == nil {
		return ""
	}
	return d.policy.Verdict(d.identity(source, digest))
}

// idleRules gives a note for each rule that decides about no image.
func (d deciding) idleRules(images []registry.Image) []string {
	if d.policy == nil {
		return nil
	}
	all := make([]trust.Image, len(images))
	for i, im := range images {
		all[i] = d.identity(im.Source, im.Digest)
	}
	var notes []string
	for _, pattern := range d.policy.Unmatched(all) {
		notes = append(notes, fmt.Sprintf("the rule for %s under signatures.trust decides about no image of the list", pattern))
	}
	return notes
}
