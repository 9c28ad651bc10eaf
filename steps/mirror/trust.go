package mirror

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/runner"
)

// decide makes the policy of the plan. The record has the verdicts of earlier runs; a
// verify gives none, since it looks at everything again.
func (m *mirror) decide(w runner.World, prior *runner.Record) error {
	m.policy = nil
	if len(m.trustRules()) == 0 {
		return nil
	}
	rules := make([]trust.Rule, len(m.trustRules()))
	for i, r := range m.trustRules() {
		rule, err := m.rule(w, r)
		if err != nil {
			return fmt.Errorf("signatures.trust[%d]: %w", i, err)
		}
		rules[i] = rule
	}
	var err error
	m.policy, err = trust.NewPolicy(rules, recordedItems(prior, "trusted"))
	return err
}

// repositories gives the pattern of a rule. Its host has the spelling that it has in the
// names of images.
func (m *mirror) repositories(text string) trust.Pattern {
	host, path, _ := strings.Cut(text, "/")
	switch _, _, layout := registry.CutLayout(text); {
	case layout || path == "" || strings.ContainsAny(host, "*?"):
	case !strings.ContainsAny(path, "*?"):
		text = m.out.Registry().Canonical(text)
	default:
		const any = "/a/b"
		text = strings.TrimSuffix(m.out.Registry().Canonical(host+any), any) + "/" + path
	}
	return trust.NewPattern(text)
}

// admit refuses the images that no rule matches, so that no registry is asked for them.
func (m *mirror) admit(images []registry.Image) []registry.Image {
	if m.policy == nil {
		return images
	}
	images = slices.Clone(images)
	for i, im := range images {
		images[i].Refused = cmp.Or(im.Refused, m.policy.Admit(m.identity(im.Source, im.Digest)))
	}
	return images
}

// identity gives an image as rules know it.
func (m *mirror) identity(source, digest string) trust.Image {
	return trust.NewImage(m.out.Registry().Canonical(source), digest)
}

// checkTrust is what the registry client asks before it reads an image.
func (m *mirror) checkTrust(ctx context.Context, source, digest string) error {
	return m.policy.Check(ctx, m.identity(source, digest))
}

// verdict gives what the record keeps of a trusted image, "" for none.
func (m *mirror) verdict(source, digest string) string {
	if m.policy == nil {
		return ""
	}
	return m.policy.Verdict(m.identity(source, digest))
}

// idleRules gives a note for each rule that decides about no image.
func (m *mirror) idleRules(images []registry.Image) []string {
	if m.policy == nil {
		return nil
	}
	all := make([]trust.Image, len(images))
	for i, im := range images {
		all[i] = m.identity(im.Source, im.Digest)
	}
	var notes []string
	for _, pattern := range m.policy.Unmatched(all) {
		notes = append(notes, fmt.Sprintf("the rule for %s under signatures.trust decides about no image of the list", pattern))
	}
	return notes
}
