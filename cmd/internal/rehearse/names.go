package rehearse

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
)

// publicRegistries are hosts that are often meant.
func publicRegistries() []string {
	return []string{
		"docker.io", "quay.io", "ghcr.io", "gcr.io", "registry.k8s.io", "registry.redhat.io", "registry.access.redhat.com",
		"registry.gitlab.com", "mcr.microsoft.com", "public.ecr.aws", "registry.suse.com",
	}
}

// misspelledHosts finds registries that the plan asks and that have no connection, if their
// host is one letter away from one that has a connection or that many plans ask. In a
// rehearsal every host answers; outside that one would not.
func (r *rehearsal) misspelledHosts(p *part) []problem {
	known := publicRegistries()
	for _, c := range p.conns.Hosts() {
		known = append(known, canonical(c))
	}
	var all []problem
	for _, host := range slices.Sorted(maps.Keys(r.world.hosts)) {
		if slices.Contains(known, host) || p.conns.HasRegistry(host) {
			continue
		}
		if i := slices.IndexFunc(known, func(k string) bool { return misspells(host, k) }); i >= 0 {
			found := p.placeOfHost(host, r.root)
			found.text = fmt.Sprintf("images come from the registry %s, which has no connection", host)
			found.hint = "did you mean " + known[i] + "?"
			all = append(all, found)
		}
	}
	return all
}

// misspells reports whether one host is probably another one, misspelled. Hosts that differ
// in their digits are two hosts of one site.
func misspells(host, known string) bool {
	letters := func(s string) string { return strings.Map(dropDigit, s) }
	return human.OneEdit(host, known) && letters(host) != letters(known)
}

func dropDigit(r rune) rune {
	if unicode.IsDigit(r) {
		return -1
	}
	return r
}

// placeOfHost gives where the plan or one of its lists of images names a host.
func (p *part) placeOfHost(host string, in *root) problem {
	for _, a := range p.asked {
		if slices.ContainsFunc(a.Hosts, func(h string) bool { return canonical(h) == host }) {
			return problem{at: placeOf(a.Step.With.Errorf(a.Field, "")), step: a.Step.ID}
		}
	}
	for _, t := range p.lists {
		content, err := os.ReadFile(t.disk)
		if err != nil {
			continue
		}
		line := 0
		for text := range strings.Lines(string(content)) {
			if line++; strings.Contains(text, host+"/") {
				return problem{at: fmt.Sprintf("%s:%d", in.real(t.path), line), step: t.Node.ID()}
			}
		}
	}
	return problem{at: p.file + ":1:1"}
}

// unknownServices finds services in a file of the plan's folder that no release knows and
// that are one letter away from one which it knows.
func (b *builder) unknownServices(t *thing) error {
	if t.Kind != runner.ExpectRoles && t.Kind != runner.ExpectEnvironment {
		return nil
	}
	content, err := os.ReadFile(t.disk)
	if err != nil {
		return err
	}
	found, err := tripleo.MisspelledServices(content)
	for _, s := range found {
		b.problems = append(b.problems, problem{
			at: fmt.Sprintf("%s:%d", b.world.root.real(t.path), s.Line), step: t.Node.ID(),
			text: "no release has a service " + s.Name, hint: "did you mean " + s.Near + "?",
		})
	}
	return err
}
