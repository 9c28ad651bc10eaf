package convert

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// A reader reads one file. It keeps the first mistake, after which it reads on.
type reader struct {
	Options
	program string
	plan    plan
	notes   []Note
	told    map[string]bool // the differences that are noted
	bad     error
}

// fail keeps the first mistake of the file.
func (r *reader) fail(line int, format string, args ...any) {
	if r.bad == nil {
		r.bad = fmt.Errorf("%s:%d: %s", r.File, line, fmt.Sprintf(format, args...))
	}
}

// leftOut notes that the plan does not have something.
func (r *reader) leftOut(line int, what, why string) {
	r.notes = append(r.notes, Note{line, oneLine(what) + " is left out: " + oneLine(why)})
}

// differ notes once that the plan does something in another way. The plan tells it, too.
func (r *reader) differ(line int, key, format string, args ...any) {
	if r.told == nil {
		r.told = map[string]bool{}
	}
	if r.told[key] {
		return
	}
	r.told[key] = true
	n := Note{line, oneLine(fmt.Sprintf(format, args...))}
	r.notes = append(r.notes, n)
	r.plan.differences = append(r.plan.differences, n)
}

// describes notes that a part of the file, of a name, says how a registry is reached. It
// reports false if another part does: a connection has one login.
func (r *reader) describes(line int, name string, c *connection) bool {
	if c.from != "" && c.from != name {
		r.leftOut(line, name, c.from+" says how the same registry is reached")
		return false
	}
	c.from = name
	return true
}

// oneLine makes a text fit for a line of a comment.
func oneLine(text string) string { return human.Clean(strings.Join(strings.Fields(text), " ")) }

// open opens a value.
func (r *reader) open(v yamlguard.Value) yamlguard.Opened {
	o, bad := v.Open()
	if bad != nil && r.bad == nil {
		r.bad = fault.WithHint(fmt.Errorf("%s:%d: %s", r.File, bad.Pos.Line, bad.Msg), bad.Hint)
	}
	return o
}

// fields gives the pairs of a mapping. Nothing is an empty mapping.
func (r *reader) fields(v yamlguard.Value, name string) []yamlguard.Pair {
	o := r.open(v)
	if !o.IsNull() && o.Kind != yamlguard.Map {
		r.fail(o.Line, "%s must be a mapping, is %s", name, o.Kind)
	}
	return o.Pairs
}

// items gives the items of a list. Nothing is an empty list.
func (r *reader) items(v yamlguard.Value, name string) []yamlguard.Value {
	o := r.open(v)
	if !o.IsNull() && o.Kind != yamlguard.List {
		r.fail(o.Line, "%s must be a list, is %s", name, o.Kind)
	}
	return o.Items
}

// text gives a single value as it is written. Nothing is "".
func (r *reader) text(v yamlguard.Value, name string) string {
	o := r.open(v)
	if o.IsNull() {
		return ""
	}
	if o.Kind != yamlguard.Scalar {
		r.fail(o.Line, "%s must be a text, is %s", name, o.Kind)
	}
	return o.Text
}

// texts gives the texts of a list.
func (r *reader) texts(v yamlguard.Value, name string) []string {
	var all []string
	for i, item := range r.items(v, name) {
		all = append(all, r.text(item, fmt.Sprintf("%s[%d]", name, i)))
	}
	return all
}

// flag gives a boolean. Nothing is false.
func (r *reader) flag(v yamlguard.Value, name string) bool {
	o := r.open(v)
	if o.IsNull() {
		return false
	}
	value, ok := o.Bool()
	if !ok {
		r.fail(o.Line, "%s must be true or false", name)
	}
	return value
}

// number gives a number. Nothing is 0.
func (r *reader) number(v yamlguard.Value, name string) float64 {
	text := r.text(v, name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 {
		r.fail(r.open(v).Line, "%s must be a number", name)
		return 0
	}
	return n
}
