package rehearse

import (
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/registry"
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

// A facts is what the plans of a rehearsal say about registries.
type facts struct {
	pushed     pushIndex
	looks      []runner.Place
	selections []tagselect.Selection
	labels     []string
	platforms  []string
	signed     bool
	signedAs   []renamed
}

// A renamed is a rule for the names that signatures have.
type renamed struct{ images, as string }

// add adds what the steps of a plan say.
func (f *facts) add(steps []runner.Touched) {
	for _, s := range steps {
		f.pushed.uses, f.looks = append(f.pushed.uses, useOf(s)), append(f.looks, s.Looks...)
		if chooser, ok := s.Step.(selector); ok {
			f.selections = append(f.selections, chooser.Selections()...)
		}
	}
	for _, e := range runner.Expectations(steps) {
		switch e.Kind {
		case runner.ExpectLabels:
			f.labels = append(f.labels, e.Names...)
		case runner.ExpectPlatforms:
			f.platforms = append(f.platforms, e.Names...)
		case runner.ExpectTags:
			f.selections = append(f.selections, tagselect.Selection{From: e.For, Rule: tagselect.Rule{Match: e.Names, Newest: 1}})
		case runner.ExpectSigned, runner.ExpectImageKey, runner.ExpectImagePGP:
			f.signed = true
			if e.As != "" {
				f.signedAs = append(f.signedAs, renamed{e.For, e.As})
			}
		}
	}
}

// rules gives what the registries of the world make.
func (f *facts) rules() (upstream.Rules, error) {
	r := upstream.Rules{Made: f.pushed.made, Lacks: f.pushed.lacks, Tags: f.tags, Catalog: f.catalog, Labels: f.labels, SignedAs: func(host, repository string) string { return f.signedName(host + "/" + repository) }}
	if len(f.platforms) > 0 { // one more than is wanted, which is left out
		r.Platforms = append(slices.Compact(slices.Sorted(slices.Values(f.platforms))), "linux/s390x")
	}
	var err error
	if f.signed {
		r.Signer, err = signer.NewKey()
	}
	return r, err
}

// selects reports whether a selection may be from a repository.
func selects(s tagselect.Selection, host, repository string) bool {
	in, pattern, err := tagselect.Split(s.From)
	return err == nil && canonical(in) == host && trust.NewPattern(pattern).Matches(repository)
}

// tags gives the tags that a repository's list has.
func (f *facts) tags(host, repository string) []string {
	tags := upstream.SampleTags(host, repository)
	for _, s := range f.selections {
		if selects(s, host, repository) {
			tags = append(tags, tagnames.For(s.Rule, s.AtLeast)...)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// catalog gives the repositories that a registry's catalog has: for each pattern those of
// the vendor's releases that it matches, or else two made-up ones.
func (f *facts) catalog(host string) []string {
	known, err := upstream.Repositories(host)
	if err != nil {
		known = nil
	}
	var all []string
	for _, s := range f.selections {
		in, pattern, err := tagselect.Split(s.From)
		if err != nil || canonical(in) != host || !tagselect.IsPattern(pattern) {
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
	return append(all, f.lookedAt(host)...)
}

// lookedAt gives the repositories that plans look at in a registry that none pushes to.
func (f *facts) lookedAt(host string) []string {
	if f.pushed.fills(host) {
		return nil
	}
	var all []string
	for _, p := range f.looks {
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

// signedName gives the name that an image's signatures have: HOST/PATH, or oci:LAYOUT:PATH of one
// in a layout.
func (f *facts) signedName(name string) string {
	for _, r := range f.signedAs {
		begin, _, _ := strings.Cut(r.images, "*")
		begin, _, _ = strings.Cut(begin, "?")
		if strings.HasPrefix(name, begin) {
			return r.as + strings.TrimPrefix(name, begin)
		}
	}
	return name
}

// Meaning implements runner.Rehearsal: paths lie below the root, and images that are named by
// digests have those of what stands in for them.
func (w *world) Meaning(text string) string { return w.pin(w.root.placeText(text)) }

// pin puts the digest of a stand-in in the place of the one that a reference has. It gives other
// texts as they are.
func (w *world) pin(reference string) string {
	name, hex, ok := strings.Cut(reference, "@sha256:")
	if !ok || len(hex) != 2*sha256.Size {
		return reference
	}
	host, repository, _, err := registry.Split(name)
	if err != nil {
		return reference
	}
	h := w.registryOf(host)
	if h == nil || !h.Made(repository) {
		return reference
	}
	if _, there := h.Lookup(repository, "sha256:"+hex); there {
		return reference
	}
	sum, err := h.Make(repository, pinnedTag("sha256:"+hex))
	if err != nil {
		return reference // the step that reads it says what is wrong
	}
	w.mu.Lock()
	w.pinned[reference] = true
	w.mu.Unlock()
	return name + "@" + sum
}

// pinnedTag gives the tag of what stands in for the image of a digest: another digest is
// another image.
func pinnedTag(digest string) string { return upstream.PinnedPrefix + digest[len("sha256:"):][:12] }

// canonical gives the one name of a registry, however its host is written.
func canonical(host string) string { return hostname.Registry{Host: host}.Name() }
