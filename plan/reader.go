package plan

import (
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/redact"
)

const (
	maxErrors    = 500 // mistakes reported for one file
	maxSuggested = 20  // mistakes that get a suggestion: comparing names is slow
)

// A whole is what the files of a plan make together: names that each of them may use.
type whole struct {
	files       []*reader // included files come before those that include them
	opened      int       // how many files are included
	redactor    *redact.Redactor
	scope       *scope
	secrets     map[string]*secretSource
	secretNames []string // of the secrets, in file order
	steps       []*stepEntry
	step        map[string]*stepEntry // by id
	growth      int                   // bytes of all texts after replacing their variables
	tooBig      bool                  // growth is over maxGrowth, which is reported once
	centre      string                // of the Options

	readFile func(file string) ([]byte, error) // reads a file of the command line
}

// A reader reads the nodes of one file and collects the mistakes.
type reader struct {
	*whole
	src  *source
	path string // absolute, of a file of the plan

	included bool // it is not the plan's own file
	errs     Errors
	root     *node
	top      fields // the sections of the file

	// While a repeated step is read: the instance, and the first one with a mistake at
	// a place. Further ones would only repeat it.
	current *instance
	firstAt map[Pos]*instance
}

func newReader(w *whole, s *source, errs Errors) *reader {
	return &reader{whole: w, src: s, errs: errs}
}

func newWhole(o Options) *whole {
	return &whole{
		redactor: o.Redactor, readFile: o.readFile, centre: o.Centre, scope: &scope{vars: map[string]*variable{}},
		secrets: map[string]*secretSource{}, step: map[string]*stepEntry{},
	}
}

// stepIDs returns the ids of all steps, in file order.
func (w *whole) stepIDs() []string {
	ids := make([]string, len(w.steps))
	for i, s := range w.steps {
		ids[i] = s.id
	}
	return ids
}

// fail adds a mistake. It returns false, so that callers can return its result.
func (r *reader) fail(pos Pos, hint, format string, args ...any) bool {
	if r.current != nil {
		if first := r.firstAt[pos]; first != nil && first != r.current {
			return false
		}
		r.firstAt[pos] = r.current
	}
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

func (r *reader) failWith(pos Pos, c *problem) bool { return r.fail(pos, c.hint, "%s", c.msg) }

// didYouMean is human.DidYouMean for the first maxSuggested mistakes.
func (r *reader) didYouMean(got string, among []string) string {
	if len(r.errs) > maxSuggested {
		return ""
	}
	// A name that was refused itself does not help.
	return human.DidYouMean(got, slices.DeleteFunc(slices.Clone(among), func(name string) bool { return !refName.MatchString(name) }))
}

// underscored replaces the hyphens of a name, which is then most likely a valid one.
func underscored(name string) string { return strings.ReplaceAll(name, "-", "_") }

// finishAll returns the mistakes in all files, as finish does.
func (w *whole) finishAll() Errors {
	var all Errors
	for _, r := range w.files {
		all = append(all, r.finish()...)
	}
	all.Sort()
	return all
}

// finish returns the mistakes, each once, in the order of their places. It masks
// their source lines again, because all secrets are known only at the end.
func (r *reader) finish() Errors {
	for _, e := range r.errs {
		if e.File == r.src.file {
			r.src.fillSource(e)
		}
	}
	return r.errs.Once()
}

// wantMapping reports whether a node is a mapping. It adds a mistake if it is not.
func (r *reader) wantMapping(n *node, name string) bool {
	switch {
	case n.reported:
		return false
	case n.null:
		return r.fail(n.pos, "indent what belongs to "+name+", or remove the key", "%s must be a mapping, is empty", name)
	case n.kind != isMapping:
		return r.fail(n.pos, listHint(n), "%s must be a mapping, is %s", name, n.describe())
	}
	return true
}

// listHint returns the hint for a list of named entries that must be a mapping.
func listHint(n *node) string {
	if n.kind != isSequence || len(n.items) == 0 || n.items[0].kind != isMapping {
		return ""
	}
	for _, e := range n.items[0].entries {
		if e.key == "id" || e.key == "name" {
			return "write NAME: in place of \"- " + e.key + ": NAME\""
		}
	}
	return "write NAME: in place of each -"
}

// wantName reports whether a key is a valid name of a what: a step, a secret. It
// adds a mistake if it is not.
func (r *reader) wantName(e entry, what string, pattern *lazyregexp.Regexp, characters string) bool {
	if pattern.MatchString(e.key) {
		return true
	}
	hint := what + " names begin with a letter and consist of " + characters
	if better := underscored(e.key); pattern.MatchString(better) {
		hint += ": write " + better
	}
	return r.fail(e.keyPos, hint, "%q cannot be the name of a %s", e.key, what)
}

// keyedFields returns the entries of a mapping with a fixed set of keys. It adds a
// mistake for each unknown key. If an unknown key looks like a known one, the
// known one does not count as missing.
func (r *reader) keyedFields(n *node, name string, keys ...string) fields {
	f := fields{byKey: map[string]*entry{}, suggested: map[string]bool{}, incomplete: n.incomplete}
	for i := range n.entries {
		e := &n.entries[i]
		if slices.Contains(keys, e.key) {
			f.byKey[e.key] = e
			continue
		}
		near := ""
		if len(r.errs) <= maxSuggested {
			near = human.Suggest(e.key, keys)
		}
		f.suggested[near] = true
		r.fail(e.keyPos, keyHint(near, keys), "unknown key %q in %s", e.key, name)
	}
	return f
}

// keyHint suggests the nearest key, or lists all keys if near is "".
func keyHint(near string, keys []string) string {
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
	byKey      map[string]*entry
	suggested  map[string]bool // keys that unknown keys are probably meant to be
	incomplete bool            // a key could not be read
}

// value returns the value of a key, or nil if it is absent.
func (f fields) value(key string) *node {
	if e := f.byKey[key]; e != nil {
		return e.value
	}
	return nil
}

// missing reports whether a key is absent and no unknown or unreadable key may be
// meant as it.
func (f fields) missing(key string) bool {
	return f.byKey[key] == nil && !f.suggested[key] && !f.incomplete
}
