package rehearse

import (
	"io"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/standin/signer"
	"github.com/bayplan/bayplan/internal/standin/tagnames"
	"github.com/bayplan/bayplan/internal/standin/upstream"
	"github.com/bayplan/bayplan/internal/tagselect"
	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/internal/tripleo"
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
	fills, looks []runner.Place
	sources      []runner.Place // looks of steps that are no checks
	selections   []tagselect.Selection
	labels       []string
	platforms    []string
	signed       bool
	signedAs     []renamed
}

// A renamed is a rule for the names that signatures have.
type renamed struct{ images, as string }

// add adds what the steps of a plan say.
func (f *facts) add(steps []runner.Touched) {
	for _, s := range steps {
		f.fills, f.looks = append(f.fills, s.Fills...), append(f.looks, s.Looks...)
		if !s.Node.Type.Check {
			f.sources = append(f.sources, s.Looks...)
		}
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
	r := upstream.Rules{Made: f.made, Tags: f.tags, Catalog: f.catalog, Labels: f.labels, SignedAs: f.signedName}
	if len(f.platforms) > 0 { // one more than is wanted, which is left out
		r.Platforms = append(slices.Compact(slices.Sorted(slices.Values(f.platforms))), "linux/s390x")
	}
	var err error
	if f.signed {
		r.Signer, err = signer.NewKey()
	}
	return r, err
}

// made reports whether the image of a tag is made, or with "" for a tag, whether some of the
// repository are: a registry that some plan pushes to has what is pushed, and besides only
// what a plan names as a source there and no plan pushes.
func (f *facts) made(host, repository, tag string) bool {
	named := func(places []runner.Place) (some, this bool) {
		for _, p := range places {
			for _, name := range p.Names {
				if placeHost(p) == host && covers(name, repository) {
					some = true
					this = this || tag != "" && (name == repository+":"+tag || strings.HasSuffix(name, "*"))
				}
			}
		}
		return some, this
	}
	if !slices.ContainsFunc(f.fills, func(p runner.Place) bool { return placeHost(p) == host }) {
		return true
	}
	looked, lookedAtThis := named(f.sources)
	filled, filledThis := named(f.fills)
	if filled { // only a tag that is written out can be known not to be pushed
		return looked && (tag == "" || lookedAtThis && !filledThis)
	}
	return looked
}

// placeHost gives the registry of a place, "" for another kind of place.
func placeHost(p runner.Place) string {
	if p.Where.Kind != runner.RegistryServer || p.Where.Part != "" {
		return ""
	}
	return canonical(p.Where.Name)
}

// covers reports whether the name of an image, or of many with a star at its end, is one of
// a repository.
func covers(name, repository string) bool {
	if prefix, many := strings.CutSuffix(name, "*"); many {
		return prefix != "" && strings.HasPrefix(repository, strings.TrimSuffix(prefix, ":"))
	}
	name, _, _ = strings.Cut(name, "@")
	at := strings.LastIndexByte(name, ':')
	if at > strings.LastIndexByte(name, '/') {
		name = name[:at]
	}
	return name == repository
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
	if slices.ContainsFunc(f.fills, func(p runner.Place) bool { return placeHost(p) == host }) {
		return nil
	}
	var all []string
	for _, p := range f.looks {
		if placeHost(p) != host {
			continue
		}
		names := slices.Clone(p.Names)
		for _, list := range p.Lists {
			listed, err := tripleo.ReadImages(openFile, list)
			if err != nil {
				continue // the step that reads it says what is wrong
			}
			for _, image := range listed {
				_, name, _ := strings.Cut(image.Name, "/")
				names = append(names, name)
			}
		}
		for _, name := range names {
			if name, _, _ = strings.Cut(name, "@"); name == "" || strings.Contains(name, "*") {
				continue
			}
			if at := strings.LastIndexByte(name, ':'); at > 0 {
				name = name[:at]
			}
			all = append(all, name)
		}
	}
	return all
}

func openFile(path string) (io.ReadCloser, error) { return textfile.OpenRegular(path) }

// signedName gives the name of a repository in signatures.
func (f *facts) signedName(host, repository string) string {
	name := host + "/" + repository
	for _, r := range f.signedAs {
		begin, _, _ := strings.Cut(r.images, "*")
		begin, _, _ = strings.Cut(begin, "?")
		if strings.HasPrefix(name, begin) {
			return r.as + strings.TrimPrefix(name, begin)
		}
	}
	return name
}

// pinned finds references with a digest.
var pinned = lazyregexp.New(`[a-zA-Z0-9.-]+(?::[0-9]+)?(?:/[a-z0-9._-]+)+(?::[A-Za-z0-9_][A-Za-z0-9._-]*)?@sha256:[0-9a-f]{64}`)

// pin puts the digests of stand-ins in the place of those that references of a text have.
func (w *world) pin(text string) string {
	if !strings.Contains(text, "@sha256:") {
		return text
	}
	return pinned.ReplaceAllStringFunc(text, w.pinOne)
}

func (w *world) pinOne(reference string) string {
	name, digest, _ := strings.Cut(reference, "@")
	host, repository, _, err := registry.Split(name)
	if err != nil {
		return reference
	}
	h := w.registryOf(host)
	if h == nil || !h.Made(repository) {
		return reference
	}
	if _, there := h.Lookup(repository, digest); there {
		return reference
	}
	sum, err := h.Make(repository, pinnedTag(digest))
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
func pinnedTag(digest string) string { return "pinned-" + digest[len("sha256:"):][:12] }

// canonical gives the one name of a registry, however its host is written.
func canonical(host string) string { return hostname.Registry{Host: host}.Name() }
