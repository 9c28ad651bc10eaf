package rehearse

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/rehearse/places"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/registries"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/pathindex"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// misspelledHosts finds registries that the plan asks and that have no connection, if their
// host is one letter away from one that has a connection or that many plans ask. In a
// rehearsal every host answers; outside that one would not.
func (r *rehearsal) misspelledHosts(p *part) []problem {
	known := registries.Public()
	for _, c := range p.conns.Hosts() {
		known = append(known, registries.Canonical(c))
	}
	var all []problem
	for _, host := range slices.Sorted(maps.Keys(r.world.hosts)) {
		if slices.Contains(known, host) || p.conns.HasRegistry(host) {
			continue
		}
		if i := slices.IndexFunc(known, func(k string) bool { return human.Misspells(host, k) }); i >= 0 {
			found := p.placeOfHost(host, r.root)
			found.text = fmt.Sprintf("images come from the registry %s, which has no connection", host)
			found.hint = "did you mean " + known[i] + "?"
			all = append(all, found)
		}
	}
	return all
}

// placeOfHost gives where the plan or one of its lists of images names a host.
func (p *part) placeOfHost(host string, in *places.Root) problem {
	for _, a := range p.asked {
		if slices.ContainsFunc(a.Hosts, func(h string) bool { return registries.Canonical(h) == host }) {
			e := a.Step.With.Errorf(a.Field, "")
			return problem{file: e.File, pos: e.Pos, step: a.Step.ID}
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
				return problem{file: in.Real(t.path), pos: plan.Pos{Line: line}, step: t.Node.ID()}
			}
		}
	}
	return problem{file: p.file, pos: plan.Pos{Line: 1, Col: 1}}
}

// misplaced adds a mistake for a file outside the plan's folder that probably is not there: it lies in
// a directory that a step makes, where no step makes it, or its path is a letter away from
// that of a file that a step makes. It reports whether there is one. A file that people write
// may be in such a directory: there is a note.
func (b *builder) misplaced(t *thing) bool {
	if t.Kind == runner.ExpectBootScript { // other programs write it
		return false
	}
	if near, by := b.nearMade(t, func(s runner.Touched) []string { return s.Writes }); near != "" {
		b.wrongPath(t, fmt.Sprintf("no step makes it, and step %q makes %s", by, near), near)
		return true
	}
	for _, s := range b.things.steps {
		for _, dir := range s.Makes {
			if s.Node == t.Node || t.path == dir || !pathindex.Within(t.path, dir) {
				continue
			}
			text := fmt.Sprintf("no step makes it, and step %q makes its directory", s.Node.ID())
			for _, other := range b.things.steps {
				for _, file := range other.Writes {
					if other.Node != t.Node && filepath.Base(file) == t.name {
						text += fmt.Sprintf("; step %q makes %s", other.Node.ID(), b.world.root.Real(file))
					}
				}
			}
			if isWritten(t.Kind) {
				b.notes = append(b.notes, t.Node.Step.With.Errorf(t.Field, "%s: %s: it has to be there before", b.world.root.Real(t.path), text).Error())
				return false
			}
			b.wrongPath(t, text, "")
			return true
		}
	}
	return false
}

// isWritten reports whether things of a kind are files that people write and put in their place by
// hand.
func isWritten(kind runner.Kind) bool {
	return slices.Contains([]runner.Kind{runner.ExpectEnvironment, runner.ExpectRoles, runner.ExpectTemplate, runner.ExpectTree, runner.ExpectImageList}, kind)
}

// wrongPath adds a mistake for a path outside the plan's folder.
func (b *builder) wrongPath(t *thing, text, near string) {
	e := t.Node.Step.With.Errorf(t.Field, "%s: %s", b.world.root.Real(t.path), text)
	e.Hint = "correct the path, or let an earlier step make it"
	if near != "" {
		e.Hint = "did you mean " + near + "?"
	}
	b.add(e)
}

// nearMade gives what another step makes at a path that is a letter away from that of a thing, and the
// step.
func (b *builder) nearMade(t *thing, made func(runner.Touched) []string) (near, by string) {
	for _, s := range b.things.steps {
		for _, at := range made(s) {
			if s.Node != t.Node && human.OneLetter(t.path, at) {
				return b.world.root.Real(at), s.Node.ID()
			}
		}
	}
	return "", ""
}

// checkMembers adds a mistake for each file that is to come out of an archive or package, and
// whose name is a letter away from one that the archive's step expects.
func (b *builder) checkMembers() {
	for _, e := range b.things.wanted {
		for _, maker := range b.things.wanted {
			if e.Path == "" || maker.Into == "" || maker.Node == e.Node || !pathindex.Within(e.Path, maker.Into) {
				continue
			}
			name := strings.TrimPrefix(e.Path, maker.Into+"/")
			from := b.things.source(maker)
			if from == nil || from.own || slices.Contains(maker.Names, name) {
				continue
			}
			if i := slices.IndexFunc(maker.Names, func(n string) bool { return human.OneLetter(n, name) }); i >= 0 {
				wrong := e.Node.Step.With.Errorf(e.Field, "%s comes out of what step %q unpacks, and that step expects %s there", name, maker.Node.ID(), maker.Names[i])
				wrong.Hint = "one of the two names is misspelt"
				b.add(wrong)
			}
		}
	}
}
