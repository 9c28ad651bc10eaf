package convert

import (
	"slices"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/hostname"
)

// A plan is what is written: images that come to registries, and how these are reached.
type plan struct {
	registries  []*connection
	secrets     []secret
	vars        []string // with the value "change-me"
	entries     []entry
	differences []Note

	names map[string]string // the sources of the images, by their names at their destinations
}

// An entry is one image, or the images that are selected by their tags.
type entry struct {
	line       int
	source     name      // of a selection the repository, which may have stars
	rules      *tagRules // nil: the source is an image
	to         string    // the host
	target     string    // the name there without the host; of a selection with stars what its part before the stars becomes
	platforms  []string
	signatures bool   // copied with the images
	replaced   string // template of the tag that keeps what another one stood for
}

// tagRules say which tags are selected.
type tagRules struct {
	match, except []string
	version       string
}

// stem is the beginning that the names of all the images of an entry have, without
// the host. open says that they go on behind it.
func (e entry) stem() (text string, open bool) {
	if e.rules == nil {
		return e.source.inRepository(), false
	}
	if before, _, pattern := strings.Cut(e.source.repository, "*"); pattern {
		return before, true
	}
	return e.source.repository + ":", true
}

// targetStem is what stem is at the destination.
func (e entry) targetStem() string {
	if e.rules != nil && !strings.Contains(e.source.repository, "*") {
		return e.target + ":"
	}
	return e.target
}

// A connection is how a registry is reached.
type connection struct {
	id, host, tls, ca, cert, key, user string
	password, token                    string // names of secrets
	login                              bool   // the logins of docker and podman are used
	rate, concurrency, keepPulls       int
	from                               string // what of the file says how it is reached
}

// A secret is where a secret is found.
type secret struct{ id, kind, place string }

// registry gives the connection for a host, which is made where there is none.
func (p *plan) registry(host string) *connection {
	all := make(hostname.Registries, len(p.registries))
	for i, c := range p.registries {
		all[i] = hostname.Registry{Host: c.host, Plain: c.tls == "disabled"}
	}
	i := all.Find(host)
	if i < 0 { // a host is the same registry with and without the port of the other scheme
		i = all.Clash(hostname.Registry{Host: host})
	}
	if i < 0 {
		p.registries = append(p.registries, &connection{id: p.unused(identifier(host)), host: host})
		i = len(p.registries) - 1
	}
	return p.registries[i]
}

// unused makes a name that no connection has.
func (p *plan) unused(id string) string {
	for n := 1; ; n++ {
		try := id
		if n > 1 {
			try += "_" + strconv.Itoa(n)
		}
		if !slices.ContainsFunc(p.registries, func(c *connection) bool { return c.id == try }) {
			return try
		}
	}
}

// A step is one step that mirrors entries.
type step struct {
	entries []entry
	rename  []renaming // in their order
}

// The largest number of rules of a step, and of steps that are tried for an entry: the
// time to try is limited.
const (
	maxRules = 100
	maxTries = 3
)

// steps puts entries into steps. Entries of one step have the settings of the step in
// common, and its rules give each of them its name.
func (p *plan) steps() []*step {
	var all []*step
	alike := map[string][]*step{}
	for _, e := range p.entries {
		key := strings.Join([]string{e.to, strings.Join(e.platforms, " "), strconv.FormatBool(e.signatures), e.replaced}, "|")
		candidates := alike[key]
		if n := len(candidates) - maxTries; n > 0 {
			candidates = candidates[n:]
		}
		if slices.ContainsFunc(candidates, func(s *step) bool { return s.add(e) }) {
			continue
		}
		s := &step{}
		s.add(e) // the first entry of a step always has a rule
		all, alike[key] = append(all, s), append(alike[key], s)
	}
	return all
}
