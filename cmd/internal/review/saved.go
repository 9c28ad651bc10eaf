package review

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/runner"
)

// maxSaved is the largest size of a saved diff that is read.
const maxSaved = 1 << 30

// Save writes a diff with its Basis, as JSON in which secrets are masked, to a file that only
// its owner can read, whole and lasting.
func Save(file string, text []byte) error {
	if err := durable.WriteBytes(file, 0o600, text); err != nil {
		return fmt.Errorf("save the diff: %w", err)
	}
	return nil
}

// Read reads a diff that Save has written.
func Read(ctx context.Context, file string) (document.Diff, error) {
	b, err := textfile.Read(ctx, file, maxSaved+1)
	if err != nil {
		return document.Diff{}, fmt.Errorf("read the saved diff: %w", err)
	}
	if len(b) > maxSaved {
		return document.Diff{}, fmt.Errorf("read the saved diff %s: it is longer than 1 GiB", file)
	}
	d, err := Parse(b)
	if err == nil {
		err = asWritten(b, d)
	}
	if err != nil {
		return document.Diff{}, fmt.Errorf("read the saved diff %s: %w", file, err)
	}
	return d, nil
}

// Parse reads the JSON of a diff with its Basis.
func Parse(text []byte) (document.Diff, error) {
	var saved struct {
		document.Head
		document.Diff
	}
	switch err := json.Unmarshal(text, &saved); {
	case err != nil:
		return document.Diff{}, fault.WithHint(err, writeOne)
	case saved.Document != document.DiffName || saved.Basis == nil:
		return document.Diff{}, fault.WithHint(errors.New("it is not a saved diff"), writeOne)
	case saved.FormatVersion != runner.FormatVersion:
		return document.Diff{}, fmt.Errorf("it is of version %d, and this bayplan knows version %d", saved.FormatVersion, runner.FormatVersion)
	}
	return saved.Diff, nil
}

const writeOne = "bayplan diff --out FILE writes one"

// A DiffersError says that what was reviewed is not what would be done now.
type DiffersError struct {
	what  []string
	begun bool // of an apply that has begun
}

// maxTold is how many differences an error names.
const maxTold = 40

// Error lists what differs, a line each, and of many the first ones.
func (e *DiffersError) Error() string {
	lines := e.what
	if more := len(lines) - maxTold; more > 1 {
		lines = append(slices.Clone(lines[:maxTold]), fmt.Sprintf("and %d more, which --json lists", more))
	}
	head := "what was reviewed is not what would be done now"
	if !e.begun {
		head += "; nothing was changed"
	}
	return head + ":\n" + strings.Join(lines, "\n") // what prints it indents its lines
}

// IsList says that the text has several lines.
func (*DiffersError) IsList() {}

// Hint says how to go on.
func (*DiffersError) Hint() string { return "make and review a new diff: bayplan diff --out FILE" }

// Differs returns what differs, a line each.
func (e *DiffersError) Differs() []string { return e.what }

// CheckComplete returns an error for a saved diff of which a step failed or was left out:
// what that step does was not reviewed.
func CheckComplete(d document.Diff) error {
	for _, s := range d.Steps {
		switch s.Status {
		case runner.Failed, runner.Skipped, runner.Interrupted:
			err := fmt.Errorf("the saved diff is not complete: step %s: %s", s.ID, s.Headline())
			return fault.WithHint(err, "make one without failures: bayplan diff --out FILE")
		}
	}
	return nil
}

// CheckBasis returns a *DiffersError if a saved diff was made of another plan, with another
// lock file, other variables, or for other steps.
func CheckBasis(saved, now document.Diff) error {
	var d differences
	d.text("the plan's name", saved.Plan, now.Plan)
	was, is := digests(saved.Basis.Files), digests(now.Basis.Files)
	for i := range max(len(was), len(is)) {
		d.text("the content of "+names(i, saved.Basis.Files, now.Basis.Files), at(was, i), at(is, i))
	}
	d.text("the lock file", saved.Basis.Lock, now.Basis.Lock)
	for _, name := range slices.Sorted(maps.Keys(union(saved.Basis.Vars, now.Basis.Vars))) {
		d.variable(name, saved.Basis.Vars, now.Basis.Vars)
	}
	for _, name := range slices.Sorted(maps.Keys(union(saved.Basis.Connections, now.Basis.Connections))) {
		d.file(name, saved.Basis.Connections, now.Basis.Connections)
	}
	d.text("--only", strings.Join(saved.Basis.Only, " "), strings.Join(now.Basis.Only, " "))
	d.text("--skip", strings.Join(saved.Basis.Skip, " "), strings.Join(now.Basis.Skip, " "))
	return d.err()
}

// CheckWorld returns a *DiffersError if a diff that was made now is not the saved one, in any
// step, item, digest, input or output. What is only said of a step does not count.
func CheckWorld(saved, now document.Diff) error {
	var d differences
	is := map[string]document.Step{}
	for _, s := range now.Steps {
		is[s.ID] = s
	}
	for _, s := range saved.Steps {
		n, there := is[s.ID]
		delete(is, s.ID)
		if !there {
			d.add("step %s: it was reviewed, and is not there now", s.ID)
			continue
		}
		d.step(s, n)
	}
	for _, s := range now.Steps {
		if _, more := is[s.ID]; more {
			d.add("step %s: it is there now, and was not reviewed", s.ID)
		}
	}
	return d.err()
}

// Allow returns what refuses a change of a step, right before it is applied, with a
// *DiffersError: anything of it or of the step's inputs that is not as in the saved diff. What a
// step would do that was waiting for another one was not known to those who reviewed.
func Allow(saved document.Diff) func(step string, in []runner.Input, items []runner.Item) error {
	reviewed := map[string]document.Step{}
	for _, s := range saved.Steps {
		reviewed[s.ID] = s
	}
	return func(step string, in []runner.Input, items []runner.Item) error {
		s, known := reviewed[step]
		if known && (s.Status == runner.Waiting || s.Status == runner.CheckAfter) {
			return nil
		}
		is, err := asSaved(document.Step{ID: step, Inputs: in, Items: items})
		if err != nil {
			return err
		}
		d := differences{begun: true}
		d.inputs("step "+step, s.Inputs, is.Inputs)
		old, now := byKey(s.Items), byKey(is.Items)
		for _, key := range keysOf(is.Items) {
			if _, was := old[key]; !was {
				d.add("%s %s %s: it is to be done now, and was not reviewed", now[key].Op, key.what, key.name)
				continue
			}
			d.item(fmt.Sprintf("%s %s", key.what, key.name), old[key], now[key])
		}
		return d.err()
	}
}

// asSaved gives a step as it would be read from a file: texts that are no UTF-8 are others then.
func asSaved(s document.Step) (document.Step, error) {
	var as document.Step
	text, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(text, &as)
	}
	return as, err
}

// differences are the lines of a DiffersError.
type differences struct {
	lines []string
	begun bool
}

func (d *differences) add(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *differences) err() error {
	if len(d.lines) == 0 {
		return nil
	}
	return &DiffersError{d.lines, d.begun}
}

// text compares what is the same text in both.
func (d *differences) text(what, was, is string) {
	if was != is {
		d.add("%s: it was %s, and is %s", what, shown(was), shown(is))
	}
}

// value compares the values that two mappings have of a name.
func (d *differences) value(what string, was, is map[string]string, name string) {
	old, had := was[name]
	now, has := is[name]
	switch {
	case !had:
		d.add("%s: there was none, and it is %s", what, shown(now))
	case !has:
		d.add("%s: it was %s, and there is none", what, shown(old))
	default:
		d.text(what, old, now)
	}
}

// step compares what two diffs found of a step.
func (d *differences) step(was, is document.Step) {
	what := "step " + was.ID
	if len(was.Items) > 0 && is.Status == runner.Unchanged {
		d.add("%s: it would have changed %s, and is as wanted now", what, human.Count(len(was.Items), "item", "items"))
		return
	}
	d.text(what+": type", was.Type, is.Type)
	d.text(what+": status", string(was.Status), string(is.Status))
	d.text(what+": error", was.Error, is.Error)
	d.inputs(what, was.Inputs, is.Inputs)
	d.items(what, was.Items, is.Items)
	old, now := outputs(was.Outputs), outputs(is.Outputs)
	for _, name := range slices.Sorted(maps.Keys(union(old, now))) {
		d.value(what+": output "+name, old, now, name)
	}
}

// inputs compares what decides the result of a step.
func (d *differences) inputs(what string, was, is []runner.Input) {
	old, now := inputs(was), inputs(is)
	for _, name := range slices.Sorted(maps.Keys(union(old, now))) {
		d.value(what+": input "+name, old, now, name)
	}
}

// An itemKey is what makes two items about the same thing.
type itemKey struct {
	what runner.Thing
	name string
	nth  int // of those with the same name
}

// items compares the items of two changes, in any order.
func (d *differences) items(what string, was, is []runner.Item) {
	old, now := byKey(was), byKey(is)
	for _, key := range keysOf(was) {
		it, there := now[key]
		if !there {
			d.add("%s: %s %s %s: it was reviewed, and is no longer to be done", what, old[key].Op, key.what, key.name)
			continue
		}
		d.item(fmt.Sprintf("%s: %s %s", what, key.what, key.name), old[key], it)
	}
	for _, key := range keysOf(is) {
		if _, reviewed := old[key]; !reviewed {
			d.add("%s: %s %s %s: it is to be done now, and was not reviewed", what, now[key].Op, key.what, key.name)
		}
	}
}

// item compares two items about the same thing. The bytes to move depend on what other steps
// move at the same time.
func (d *differences) item(what string, was, is runner.Item) {
	before := len(d.lines)
	d.text(what+": operation", string(was.Op), string(is.Op))
	d.text(what+": digest before", was.From, is.From)
	d.text(what+": digest after", was.To, is.To)
	d.text(what+": source", was.Source, is.Source)
	d.text(what+": note", was.Note, is.Note)
	if len(d.lines) == before && (was.Old != is.Old || was.New != is.New || was.Size != is.Size) {
		d.add("%s: its content is another", what)
	}
}

func keysOf(items []runner.Item) []itemKey {
	seen := map[itemKey]int{}
	keys := make([]itemKey, len(items))
	for i, it := range items {
		key := itemKey{what: it.What, name: it.Name}
		keys[i] = itemKey{it.What, it.Name, seen[key]}
		seen[key]++
	}
	return keys
}

func byKey(items []runner.Item) map[itemKey]runner.Item {
	all := map[itemKey]runner.Item{}
	for i, key := range keysOf(items) {
		all[key] = items[i]
	}
	return all
}

func inputs(list []runner.Input) map[string]string {
	all := map[string]string{}
	for _, in := range list {
		all[in.Name] = in.Digest
	}
	return all
}

// outputs gives outputs as JSON, so that a text and a list are not the same.
func outputs(o runner.Outputs) map[string]string {
	all := map[string]string{}
	for name, v := range o {
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		if enc.Encode(v) == nil {
			all[name] = strings.TrimSpace(text.String())
		}
	}
	return all
}

func digests(files []document.FileDigest) []string {
	list := make([]string, len(files))
	for i, f := range files {
		list[i] = f.Digest
	}
	return list
}

// names gives the name that the i-th file has now, or had.
func names(i int, was, is []document.FileDigest) string {
	if i < len(is) {
		return is[i].File
	}
	return was[i].File
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

func union(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return all
}

// maxShown is the longest value that a difference shows whole.
const maxShown = 200

// shown gives a value for people.
func shown(value string) string {
	switch {
	case value == "":
		return "none"
	case len(value) > maxShown:
		return strings.ToValidUTF8(value[:maxShown], "") + "…"
	}
	return value
}
