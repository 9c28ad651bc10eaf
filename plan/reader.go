package plan

import (
	"regexp"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
)

const (
	maxErrors  = 500 // mistakes told of one file
	maxNearest = 20  // mistakes before names are no longer compared
)

// A reader reads one file's nodes and collects the mistakes.
type reader struct {
	src     *source
	errs    Errors
	top     fields // of a connections file
	scope   *scope
	secrets map[string]*secretSource
	names   []string // of the secrets, in file order
	steps   []string // the ids of all steps
	isStep  map[string]bool
	growth  int
	tooBig  bool
}

func newReader(s *source, errs Errors) *reader {
	return &reader{src: s, errs: errs, scope: &scope{vars: map[string]*variable{}}, secrets: map[string]*secretSource{}, isStep: map[string]bool{}}
}

// fail adds a mistake and gives false, for callers that say whether all is well.
func (r *reader) fail(pos Pos, hint, format string, args ...any) bool {
	if len(r.errs) == maxErrors {
		format, args, hint = "there are more mistakes than bayplan shows", nil, ""
	}
	if len(r.errs) <= maxErrors {
		e := r.src.errorf(pos, format, args...)
		e.Hint = hint
		r.errs = append(r.errs, e)
	}
	return false
}

func (r *reader) complain(pos Pos, c *complaint) bool { return r.fail(pos, c.hint, "%s", c.msg) }

// nearest is human.DidYouMean while that is affordable.
func (r *reader) nearest(got string, among []string) string {
	if len(r.errs) > maxNearest {
		return ""
	}
	return human.DidYouMean(got, among)
}

// finish gives the mistakes in the order of their places, each once, with the
// source lines as they are masked now that all secrets are known.
func (r *reader) finish() Errors {
	seen := map[string]bool{}
	out := r.errs[:0:0]
	for _, e := range r.errs {
		if e.File == r.src.file {
			r.src.show(e)
		}
		if key := e.Error(); !seen[key] {
			seen[key] = true
			out = append(out, e)
		}
	}
	_ = out.Err() // sorts
	return out
}

// wantMapping says whether a node is a mapping, and reports it when not.
func (r *reader) wantMapping(n *node, name string) bool {
	switch {
	case n.bad:
		return false
	case n.null:
		return r.fail(n.pos, "remove the key, or write {} for an empty one", "%s must be a mapping, is empty", name)
	case n.kind != isMapping:
		return r.fail(n.pos, "", "%s must be a mapping, is %s", name, n.is())
	}
	return true
}

// wantName says whether a key is a name as its section wants them.
func (r *reader) wantName(e entry, what string, pattern *regexp.Regexp, are string) bool {
	if pattern.MatchString(e.key) {
		return true
	}
	return r.fail(e.keyPos, what+" names begin with a letter and are "+are, "%q cannot be the name of a %s", e.key, what)
}

// object takes the entries of a mapping whose keys are fixed. Unknown ones are
// reported; one that is near a known one stands for it, so that its absence is
// not reported too.
func (r *reader) object(n *node, name string, keys ...string) fields {
	f := fields{by: map[string]*entry{}, meant: map[string]bool{}, torn: n.torn}
	for i := range n.entries {
		e := &n.entries[i]
		if slices.Contains(keys, e.key) {
			f.by[e.key] = e
			continue
		}
		near := ""
		if len(r.errs) <= maxNearest {
			near = human.Suggest(e.key, keys)
		}
		f.meant[near] = true
		r.fail(e.keyPos, hintFor(near, keys), "unknown key %q in %s", e.key, name)
	}
	return f
}

// hintFor names the nearest key, or all there are when none is near.
func hintFor(near string, keys []string) string {
	switch {
	case near != "":
		return "did you mean " + near + "?"
	case len(keys) == 0:
		return "there are no keys here"
	case len(keys) > 12:
		return ""
	}
	return "the keys here are " + strings.Join(keys, ", ")
}

// fields are the entries of a mapping by their keys.
type fields struct {
	by    map[string]*entry
	meant map[string]bool // keys that an unknown one was probably meant to be
	torn  bool            // a key could not be read
}

// value gives a key's value, or nil where it is absent.
func (f fields) value(key string) *node {
	if e := f.by[key]; e != nil {
		return e.value
	}
	return nil
}

// missing says whether a key is absent with nothing standing in its place.
func (f fields) missing(key string) bool { return f.by[key] == nil && !f.meant[key] && !f.torn }
