package registries

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
)

// A pushIndex says what the plans of a rehearsal push to registries, and what they read from
// them. A registry that some plan pushes to has what is pushed, and besides only the
// repositories that a plan reads and none pushes: these were there before.
type pushIndex struct {
	uses  []use
	lists []string        // files of images that steps read, each once
	fills map[string]bool // registries that steps push to

	mu    sync.Mutex // requests ask at the same time
	old   bool       // lists may have changed since stamp was made
	stamp string     // the states of all lists when the names were read
	hosts map[string]*hostNames
}

// A use is what one step pushes and reads.
type use struct {
	fills   []runner.Place
	sources []runner.Place // none of a check
	lists   []string       // files of images that the step reads
	reads   []string       // all files that it reads
}

// hostNames are the names of images, PATH:TAG, in one registry. NAME* stands for all names that
// begin so.
type hostNames struct {
	filled  []string
	sources []string
}

// use lets the index know what a step pushes and reads.
func (p *pushIndex) use(u use) {
	p.uses, p.old = append(p.uses, u), true
	lists := slices.Clone(u.lists)
	for _, f := range u.fills {
		lists = append(lists, f.Lists...)
		if p.fills == nil {
			p.fills = map[string]bool{}
		}
		p.fills[placeHost(f)] = true
	}
	p.lists = slices.Compact(slices.Sorted(slices.Values(append(p.lists, lists...))))
}

// changed lets lists be looked at again when an image is asked for next.
func (p *pushIndex) changed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.old = true
}

// useOf gives what a step pushes and reads.
func useOf(s runner.Touched) use {
	u := use{fills: s.Fills, reads: s.Reads}
	if s.Node.Type.Check {
		return u
	}
	u.sources = s.Looks
	for _, e := range runner.Expectations([]runner.Touched{s}) {
		if e.Kind == runner.ExpectImageList {
			u.lists = append(u.lists, e.Path)
		}
	}
	return u
}

// made reports whether images of a repository are made when they are asked for.
func (p *pushIndex) made(host, repository string) bool {
	n := p.names(host)
	if len(n.filled) == 0 && !p.fills[host] {
		return true
	}
	if slices.ContainsFunc(n.filled, func(name string) bool { return covers(name, repository) }) {
		return false
	}
	return slices.ContainsFunc(n.sources, func(name string) bool {
		start, many := strings.CutSuffix(name, "*")
		switch {
		case !covers(name, repository):
			return false
		case many && !strings.HasSuffix(start, ":"): // of several repositories: those that are pushed
			return !slices.ContainsFunc(n.filled, func(filled string) bool { return strings.HasPrefix(filled, start) })
		}
		return n.near(repository) == ""
	})
}

// near gives the pushed repository that a name is a misspelling of, "" for none.
func (n *hostNames) near(repository string) string {
	for _, name := range n.filled {
		name = repositoryOf(name)
		if len(path.Base(name)) >= leastSpelled && human.Misspells(repository, name) {
			return name
		}
	}
	return ""
}

// leastSpelled is the length from which on one letter more or less in a name is taken for a
// misspelling: app and api are two names.
const leastSpelled = 6

// lacks says why a registry that plans push to lacks an image.
func (p *pushIndex) lacks(host, repository, tag string) string {
	n := p.names(host)
	text := fmt.Sprintf("no step before pushes %s/%s:%s", host, repository, tag)
	if near := n.near(repository); near != "" {
		return text + "; did you mean " + near + "?"
	}
	var tags []string
	for _, name := range n.filled {
		if covers(name, repository) && !strings.HasSuffix(name, "*") {
			tags = append(tags, strings.TrimPrefix(name, repository+":"))
		}
	}
	slices.Sort(tags)
	if tags = slices.Compact(tags); len(tags) > 0 && !slices.Contains(tags, tag) {
		text += "; the plans push " + human.Some(tags, 3)
	}
	return text
}

// names gives the names in a registry. Lists that have changed are read again.
func (p *pushIndex) names(host string) *hostNames {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.old {
		p.old = false
		p.read()
	}
	if n := p.hosts[host]; n != nil {
		return n
	}
	return &hostNames{}
}

// read reads the names if a list has changed.
func (p *pushIndex) read() {
	stamp := p.listStamp()
	if p.hosts != nil && stamp == p.stamp {
		return
	}
	p.stamp, p.hosts = stamp, map[string]*hostNames{}
	for _, u := range p.uses {
		p.add(u)
	}
}

// listStamp is a text that differs when a list has changed.
func (p *pushIndex) listStamp() string {
	var b strings.Builder
	for _, file := range p.lists {
		if fi, err := os.Stat(file); err == nil {
			fmt.Fprintln(&b, file, fi.Size(), fi.ModTime())
		}
	}
	return b.String()
}

func (p *pushIndex) add(u use) {
	read := map[string]bool{} // HOST/NAME of what the step reads
	source := func(host, name string) {
		n := p.at(host)
		n.sources, read[host+"/"+name] = append(n.sources, name), true
	}
	for _, s := range u.sources {
		for _, name := range s.Names {
			source(placeHost(s), WithoutDigest(name))
		}
	}
	for _, list := range u.lists {
		for _, image := range Listed(list) {
			if host, repository, tag, err := registry.Split(image); err == nil {
				source(Canonical(host), repository+":"+cmp.Or(tag, "*"))
			}
		}
	}
	for _, f := range u.fills {
		host := placeHost(f)
		for _, name := range namesOf(f) {
			// What a step reads and pushes under one name is there before.
			if name = WithoutDigest(name); name != "" && !read[host+"/"+name] {
				p.at(host).filled = append(p.at(host).filled, name)
			}
		}
	}
}

func (p *pushIndex) at(host string) *hostNames {
	if p.hosts[host] == nil {
		p.hosts[host] = &hostNames{}
	}
	return p.hosts[host]
}

// namesOf gives the names of a place, with those that its lists hold.
func namesOf(p runner.Place) []string {
	names := slices.Clone(p.Names)
	for _, list := range p.Lists {
		for _, image := range Listed(list) {
			if p.NameOf != nil {
				names = append(names, p.NameOf(image))
			} else if _, name, ok := strings.Cut(image, "/"); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// Listed gives the references of a list. For one that cannot be read there is none: the step
// that reads it says what is wrong.
func Listed(file string) []string {
	images, err := tripleo.ReadImages(openFile, file)
	if err != nil {
		return nil
	}
	names := make([]string, len(images))
	for i, image := range images {
		names[i] = image.Name
	}
	return names
}

func openFile(path string) (io.ReadCloser, error) { return textfile.OpenRegular(path) }

// placeHost gives the registry of a place, "" for another kind of place.
func placeHost(p runner.Place) string {
	if p.Where.Kind != runner.RegistryServer || p.Where.Part != "" {
		return ""
	}
	return Canonical(p.Where.Name)
}

// covers reports whether the name of an image, or of many with a star at its end, is one of
// a repository.
func covers(name, repository string) bool {
	if prefix, many := strings.CutSuffix(name, "*"); many {
		of, oneRepository := strings.CutSuffix(prefix, ":")
		return prefix != "" && (oneRepository && of == repository || !oneRepository && strings.HasPrefix(repository, prefix))
	}
	return repositoryOf(name) == repository
}

// repositoryOf gives the repository of PATH:TAG, PATH@DIGEST or PATH.
func repositoryOf(name string) string {
	name = WithoutDigest(name)
	if at := strings.LastIndexByte(name, ':'); at > strings.LastIndexByte(name, '/') {
		name = name[:at]
	}
	return name
}

// WithoutDigest gives a name without a digest behind it.
func WithoutDigest(name string) string {
	name, _, _ = strings.Cut(name, "@")
	return name
}
