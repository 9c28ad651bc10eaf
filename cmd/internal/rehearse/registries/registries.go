// Package registries says what the registries of a rehearsal have: what its plans push to them,
// and what is made when plans ask for it. It does not know how either is done.
package registries

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/standin/signer"
	"github.com/bayplan/bayplan/internal/standin/tagnames"
	"github.com/bayplan/bayplan/internal/standin/upstream"
	"github.com/bayplan/bayplan/internal/tagselect"
	"github.com/bayplan/bayplan/internal/trust"
	"github.com/bayplan/bayplan/runner"
)

// A selector is a step that selects images by their tags.
type selector interface {
	// Selections gives what the step selects.
	Selections() []tagselect.Selection
}

// Plans are what the plans of a rehearsal say about registries.
type Plans struct {
	pushed     pushIndex
	looks      []runner.Place
	selections []tagselect.Selection
	labels     []string
	platforms  []string
	signed     bool
	signers    []signer.Identity
	signedAs   []renamed
}

// anExample gives a name that a pattern matches.
func anExample(pattern string) string {
	return strings.NewReplacer("**", "x", "*", "x", "?", "x").Replace(pattern)
}

// A renamed is a rule for the names that signatures have.
type renamed struct{ images, as string }

// Add adds what the steps of a plan say.
func (p *Plans) Add(steps []runner.Touched) {
	for _, s := range steps {
		p.pushed.use(useOf(s))
		p.looks = append(p.looks, s.Looks...)
		if chooser, ok := s.Step.(selector); ok {
			p.selections = append(p.selections, chooser.Selections()...)
		}
	}
	for _, e := range runner.Expectations(steps) {
		switch e.Kind {
		case runner.ExpectLabels:
			p.labels = append(p.labels, e.Names...)
		case runner.ExpectPlatforms:
			p.platforms = append(p.platforms, e.Names...)
		case runner.ExpectTags:
			p.selections = append(p.selections, tagselect.Selection{From: e.For, Rule: tagselect.Rule{Match: e.Names, Newest: 1}})
		case runner.ExpectSigned, runner.ExpectImageKey, runner.ExpectImagePGP, runner.ExpectTrustRoot:
			if e.Identity != "" {
				p.signers = append(p.signers, signer.Identity{Name: anExample(e.Identity), Issuer: e.Issuer})
			}
			p.signed = true
			if e.As != "" {
				p.signedAs = append(p.signedAs, renamed{e.For, e.As})
			}
		}
	}
}

// ListsChanged says that files of images may have changed. They are not looked at before: a step
// that reads one asks for many images.
func (p *Plans) ListsChanged() { p.pushed.changed() }

// Rules gives what the registries of the world make.
func (p *Plans) Rules() (upstream.Rules, error) {
	r := upstream.Rules{Made: p.pushed.made, Lacks: p.pushed.lacks, Tags: p.tags, Catalog: p.catalog, Labels: p.labels, SignedAs: func(host, repository string) string { return p.SignedName(host + "/" + repository) }}
	if len(p.platforms) > 0 { // one more than is wanted, which is left out
		r.Platforms = append(slices.Compact(slices.Sorted(slices.Values(p.platforms))), "linux/s390x")
	}
	if !p.signed {
		return r, nil
	}
	var err error
	if r.Signer, err = signer.NewKey(); err != nil || len(p.signers) == 0 {
		return r, err
	}
	if r.Authority, err = signer.NewAuthority(); err != nil {
		return r, err
	}
	for _, who := range p.signers {
		if slices.ContainsFunc(r.Certified, func(c *signer.Certified) bool { return c.Identity == who }) {
			continue
		}
		certified, err := r.Authority.Certify(who)
		if err != nil {
			return r, fmt.Errorf("certify %s: %w", who.Name, err)
		}
		r.Certified = append(r.Certified, certified)
	}
	return r, nil
}

// selects reports whether a selection may be from a repository.
func selects(s tagselect.Selection, host, repository string) bool {
	in, pattern, err := tagselect.Split(s.From)
	return err == nil && Canonical(in) == host && trust.NewPattern(pattern).Matches(repository)
}

// tags gives the tags that a repository's list has.
func (p *Plans) tags(host, repository string) []string {
	tags := upstream.SampleTags(host, repository)
	for _, s := range p.selections {
		if selects(s, host, repository) {
			tags = append(tags, tagnames.For(s.Rule, s.AtLeast)...)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// catalog gives the repositories that a registry's catalog has: for each pattern those of
// the vendor's releases that it matches, or else two made-up ones.
func (p *Plans) catalog(host string) []string {
	known, err := upstream.Repositories(host)
	if err != nil {
		known = nil
	}
	var all []string
	for _, s := range p.selections {
		in, pattern, err := tagselect.Split(s.From)
		if err != nil || Canonical(in) != host || !tagselect.IsPattern(pattern) {
			continue
		}
		wanted := trust.NewPattern(pattern)
		found := slices.DeleteFunc(slices.Clone(known), func(name string) bool { return !wanted.Matches(name) })
		for _, word := range []string{"one", "two"} {
			if len(found) < 2 {
				found = append(found, strings.ReplaceAll(strings.ReplaceAll(pattern, "**", word), "*", word))
			}
		}
		all = append(all, found...)
	}
	return append(all, p.lookedAt(host)...)
}

// lookedAt gives the repositories that plans look at in a registry that none pushes to.
func (p *Plans) lookedAt(host string) []string {
	if p.pushed.fills[host] {
		return nil
	}
	var all []string
	for _, p := range p.looks {
		if placeHost(p) != host {
			continue
		}
		for _, name := range namesOf(p) {
			if name != "" && !strings.Contains(name, "*") {
				all = append(all, repositoryOf(name))
			}
		}
	}
	return all
}

// SignedName gives the name that an image's signatures have: HOST/PATH, or oci:LAYOUT:PATH of one
// in a layout.
func (p *Plans) SignedName(name string) string {
	for _, r := range p.signedAs {
		begin, _, _ := strings.Cut(r.images, "*")
		begin, _, _ = strings.Cut(begin, "?")
		if strings.HasPrefix(name, begin) {
			return r.as + strings.TrimPrefix(name, begin)
		}
	}
	return name
}

// Canonical gives the one name of a registry, however its host is written.
func Canonical(host string) string { return hostname.Registry{Host: host}.Name() }

// Public gives hosts of registries that are often meant.
func Public() []string {
	return []string{
		"docker.io", "quay.io", "ghcr.io", "gcr.io", "registry.k8s.io", "registry.redhat.io", "registry.access.redhat.com",
		"registry.gitlab.com", "mcr.microsoft.com", "public.ecr.aws", "registry.suse.com",
	}
}
