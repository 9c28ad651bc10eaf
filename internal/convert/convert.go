// Package convert turns the lists of other mirroring programs into plans: a regsync.yml,
// a YAML file of skopeo sync, the additional images of an ImageSetConfiguration. It
// reads their text, writes the text of a plan, and says what it has left out. It reads
// no other file, asks no registry, and does not know how plans are read.
package convert

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// Options say what a file does not.
type Options struct {
	File   string // the name of the file, for messages and for the plan's name
	To     string // HOST or HOST/PATH to mirror to, where the file does not say it
	Scoped bool   // skopeo sync has run with --scoped
}

// A Note says what of a file is not in the plan, or is different there.
type Note struct {
	Line int // 0: no place in particular
	Text string
}

// A Result is a plan.
type Result struct {
	Program string // whose file it is
	Plan    []byte
	Notes   []Note
}

// byLine orders notes. Those without a line come last.
func byLine(a, b Note) int { return cmp.Compare(uint(a.Line-1), uint(b.Line-1)) }

// placeholder is the host to mirror to where nobody has named one.
const placeholder = "registry.example.com"

// Convert makes a plan of the text of a file. With an error it gives the notes all the
// same.
func Convert(text []byte, o Options) (Result, error) {
	root, bad := yamlguard.ParseValue(text, yamlguard.Options{Directives: true, Foreign: true})
	if bad != nil {
		return Result{}, fault.WithHint(fmt.Errorf("%s:%d: %s", o.File, bad.Pos.Line, bad.Msg), bad.Hint)
	}
	r := &reader{Options: o}
	kind := r.recognise(root)
	if kind == nil {
		err := fmt.Errorf("%s: this is no regsync.yml, no YAML file of skopeo sync and no ImageSetConfiguration", o.File)
		return Result{}, errors.Join(r.bad, err)
	}
	r.program = kind.program
	if err := r.checkDestination(kind.named); err != nil {
		return Result{}, err
	}
	kind.read(r, root)
	if slices.ContainsFunc(r.plan.entries, func(e entry) bool { return e.rules != nil }) {
		r.differ(0, "none", "A selection that selects nothing is an error; %s goes on.", kind.program)
	}
	slices.SortStableFunc(r.notes, byLine)
	slices.SortStableFunc(r.plan.differences, byLine)
	result := Result{Program: kind.program, Notes: r.notes}
	if r.bad != nil {
		return result, r.bad
	}
	if len(r.plan.entries) == 0 {
		return result, fmt.Errorf("%s: nothing in it can be mirrored by a plan", o.File)
	}
	result.Plan = r.plan.write(header{program: kind.program, file: filepath.Base(o.File), notes: r.plan.differences})
	return result, nil
}

// A kind is a format of files.
type kind struct {
	program string
	named   bool // the file names its destinations
	read    func(r *reader, root yamlguard.Value)
}

// recognise finds the format of a file by its content, nil for none.
func (r *reader) recognise(root yamlguard.Value) *kind {
	top := r.open(root)
	if top.Kind != yamlguard.Map {
		return nil
	}
	for _, p := range top.Pairs {
		switch {
		case p.Key == "kind" && r.open(p.Value).Text == "ImageSetConfiguration":
			return &kind{"oc-mirror", false, (*reader).imageSet}
		case p.Key == "sync" && r.open(p.Value).Kind == yamlguard.List:
			return &kind{"regsync", true, (*reader).regsync}
		}
	}
	images := false
	for _, p := range top.Pairs {
		registry := r.open(p.Value)
		if registry.Kind != yamlguard.Map && !registry.IsNull() {
			return nil
		}
		images = images || slices.ContainsFunc(registry.Pairs, func(p yamlguard.Pair) bool {
			return p.Key == "images" || p.Key == "images-by-tag-regex" || p.Key == "images-by-semver"
		})
	}
	if images {
		return &kind{"skopeo sync", false, (*reader).skopeo}
	}
	return nil
}

// checkDestination checks the options against what the file says itself.
func (r *reader) checkDestination(named bool) error {
	switch {
	case named && r.To != "":
		return fmt.Errorf("--to %s: %s names its targets itself", r.To, r.File)
	case r.Scoped && r.program != "skopeo sync":
		return fmt.Errorf("--scoped: %s is not a file of skopeo sync", r.File)
	case named:
		return nil
	case r.To == "":
		r.To = placeholder
		r.differ(0, "to", "%s stands for the registry to mirror to, which a file of %s does not name: write yours into the plan, or run with --to HOST", placeholder, r.program)
	}
	host, prefix, _ := strings.Cut(r.To, "/")
	if _, tag, err := splitTarget(host, path.Join(prefix, "x:1")); err != nil || tag != "1" || strings.ContainsAny(prefix, ":@") {
		return fault.WithHint(fmt.Errorf("--to %q is not of the form HOST or HOST/PATH", r.To), "a host has a dot or a port, or is localhost")
	}
	return nil
}

var notInName = lazyregexp.New(`[^a-z0-9]+`)

// identifier makes a name for a plan, a connection or a secret of a text.
func identifier(text string) string {
	name := strings.Trim(notInName.ReplaceAllString(strings.ToLower(text), "_"), "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "r" + name
	}
	return name
}
