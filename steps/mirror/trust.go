package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// A keeping is what is done about signatures.
type keeping string

// Words returns the texts that the setting may hold, the default first.
func (keeping) Words() []string { return []string{"ignore", "copy", "require"} }

// signatureRules say what is done about signatures, and which images are trusted.
type signatureRules struct {
	// What is done about signatures and the like, in the words that the text form of signatures
	// has.
	Keep keeping `json:"keep,omitempty" jsonschema:"enum=ignore,enum=copy,enum=require,default=ignore"`
	// What proves where images come from. Of the rules, the first whose pattern matches an image's
	// repository at its source decides. An image that no rule matches is refused, and so is one
	// that its rule does not prove: the step fails, and copies the other images.
	Trust []trustRule `json:"trust,omitempty" jsonschema:"minItems=1"`
}

// A trustRule names images and what proves them.
type trustRule struct {
	// Repositories at the source, with the registry's host: * stands for any text without a slash,
	// ** for any text, ? for one character. Images of layouts are called oci:LAYOUT:path.
	Images string `json:"images"`
	// Nothing has to prove these images.
	Unsigned *bool `json:"unsigned,omitempty"`
}

// keep gives the word for what is done about signatures.
func (m *mirror) keep() keeping { return m.Signatures.Text + m.Signatures.Other.Keep }

// trustRules gives the rules of the plan.
func (m *mirror) trustRules() []trustRule { return m.Signatures.Other.Trust }

// validateSignatures checks what the settings show by themselves.
func (m *mirror) validateSignatures() []error {
	errs := []error{
		plan.At("signatures", setting.OneOf(string(m.Signatures.Text), keeping("").Words()...)),
		plan.At("signatures.keep", setting.OneOf(string(m.Signatures.Other.Keep), keeping("").Words()...)),
	}
	for i, r := range m.trustRules() {
		at := fmt.Sprintf("signatures.trust[%d]", i)
		errs = append(errs, plan.At(at+".images", trust.CheckPattern(r.Images)), plan.At(at, r.checkProofs()))
	}
	return errs
}

// checkProofs gives an error unless the rule has one proof.
func (r *trustRule) checkProofs() error {
	if r.Unsigned == nil {
		return fault.WithHint(errors.New("nothing says what proves these images"), "write unsigned: true if nothing has to")
	}
	return nil
}

// decide makes the policy of the plan. The record has the verdicts of earlier runs; a
// verify gives none, since it looks at everything again.
func (m *mirror) decide(prior *runner.Record) error {
	m.policy = nil
	if len(m.trustRules()) == 0 {
		return nil
	}
	rules := make([]trust.Rule, len(m.trustRules()))
	for i, r := range m.trustRules() {
		rule, err := m.rule(r)
		if err != nil {
			return fmt.Errorf("signatures.trust[%d]: %w", i, err)
		}
		rules[i] = rule
	}
	var err error
	m.policy, err = trust.NewPolicy(rules, recordedItems(prior, "trusted"))
	return err
}

func (m *mirror) rule(r trustRule) (trust.Rule, error) {
	return trust.Rule{Images: m.repositories(r.Images), Name: "unsigned"}, nil
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
