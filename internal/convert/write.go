package convert

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// A header is what a plan says of itself.
type header struct {
	program, file string
	notes         []Note
}

// A writer writes YAML.
type writer struct{ strings.Builder }

func (w *writer) line(depth int, format string, args ...any) {
	w.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(w, format, args...)
	w.WriteByte('\n')
}

// section begins a section of the plan.
func (w *writer) section(name string) { w.line(0, "\n%s:", name) }

// write gives the text of the plan.
func (p *plan) write(h header) []byte {
	w := &writer{}
	w.line(0, "# Made by bayplan init --from %s, a file of %s.", oneLine(h.file), h.program)
	if len(h.notes) > 0 {
		w.line(0, "# Where the plan does something else than the file:")
	}
	for _, n := range h.notes {
		w.line(0, "#   - %s", n)
	}
	w.line(0, "apiVersion: bayplan/v1")
	w.line(0, "name: %s", quote(identifier(strings.TrimSuffix(h.file, filepath.Ext(h.file)))))
	if len(p.vars) > 0 {
		w.section("vars")
	}
	for _, id := range p.vars {
		w.line(1, "%s: change-me", id)
	}
	steps := p.steps()
	p.writeConnections(w)
	w.section("steps")
	for i, s := range steps {
		id := "images"
		if i > 0 {
			id += "_" + strconv.Itoa(i+1)
		}
		w.line(1, "%s:", id)
		p.writeStep(w, s)
	}
	return []byte(w.String())
}

// String gives the note for people, without its file.
func (n Note) String() string {
	if n.Line == 0 {
		return n.Text
	}
	return fmt.Sprintf("line %d: %s", n.Line, n.Text)
}

func (p *plan) writeConnections(w *writer) {
	if len(p.secrets) > 0 {
		w.section("secrets")
	}
	for _, s := range p.secrets {
		w.line(1, "%s: { %s: %s }", s.id, s.kind, quote(escape(s.place)))
	}
	w.section("connections")
	w.line(1, "registries:")
	for _, c := range p.registries {
		w.line(2, "%s:", c.id)
		w.line(3, "host: %s", quote(c.host))
		for _, s := range []struct{ key, value string }{
			{"tls", c.tls}, {"ca", c.ca}, {"cert", c.cert}, {"key", c.key}, {"user", c.user},
		} {
			if s.value != "" {
				w.line(3, "%s: %s", s.key, quote(s.value))
			}
		}
		if c.password != "" {
			w.line(3, `password: "${secrets.%s}"`, c.password)
		}
		if c.token != "" {
			w.line(3, `token: "${secrets.%s}"`, c.token)
		}
		if c.login && c.password == "" && c.token == "" {
			w.line(3, "login: config")
		}
		for _, s := range []struct {
			key   string
			value int
		}{{"rate", c.rate}, {"concurrency", c.concurrency}, {"keep_pulls", c.keepPulls}} {
			if s.value > 0 {
				w.line(3, "%s: %d", s.key, s.value)
			}
		}
	}
}

func (p *plan) writeStep(w *writer, s *step) {
	w.line(2, "type: mirror")
	w.line(2, "with:")
	w.line(3, "images:")
	for _, e := range s.entries {
		writeEntry(w, e)
	}
	first := s.entries[0]
	w.line(3, "to: %s", p.registry(first.to).id)
	if len(s.rename) > 0 {
		w.line(3, "rename:")
	}
	for _, r := range s.rename {
		w.line(4, "- from: %s", quote(r.from))
		w.line(4, "  to: %s", quote(r.to))
	}
	if len(first.platforms) > 0 {
		w.line(3, "platforms:")
	}
	for _, platform := range first.platforms {
		w.line(4, "- %s", quote(platform))
	}
	if first.signatures {
		w.line(3, "signatures: copy")
	}
	if first.replaced != "" {
		w.line(3, "replaced: { tag: %s }", quote(first.replaced))
	}
}

func writeEntry(w *writer, e entry) {
	if e.rules == nil {
		w.line(4, "- %s", quote(e.source.String()))
		return
	}
	w.line(4, "- from: %s", quote(e.source.String()))
	if len(e.rules.match)+len(e.rules.except)+len(e.rules.version) == 0 {
		return
	}
	w.line(4, "  tags:")
	writePatterns(w, "match", e.rules.match)
	writePatterns(w, "except", e.rules.except)
	if e.rules.version != "" {
		w.line(6, "version: %s", quote(e.rules.version))
	}
}

func writePatterns(w *writer, key string, patterns []string) {
	switch len(patterns) {
	case 0:
	case 1:
		w.line(6, "%s: %s", key, quote(escape(patterns[0])))
	default:
		w.line(6, "%s:", key)
		for _, p := range patterns {
			w.line(7, "- %s", quote(escape(p)))
		}
	}
}

var (
	plainText = lazyregexp.New(`^[A-Za-z][A-Za-z0-9_./:@-]*[A-Za-z0-9_./@-]$`)
	yamlWord  = lazyregexp.New(`(?i)^(true|false|yes|no|on|off|null)$`)
)

// escape writes a text so that a plan takes none of it for a reference.
func escape(text string) string { return strings.ReplaceAll(text, "${", "$${") }

// quote writes a text as a scalar of YAML.
func quote(text string) string {
	if plainText.MatchString(text) && !yamlWord.MatchString(text) {
		return text
	}
	for _, r := range text {
		if r < ' ' || r > '~' {
			return strconv.QuoteToASCII(text)
		}
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
