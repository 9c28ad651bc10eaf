package jinja

import (
	"errors"
	"fmt"

	"github.com/nikolalohinski/gonja/v2/builtins"
	structures "github.com/nikolalohinski/gonja/v2/builtins/control_structures"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
)

// maxText is the longest value. Names of images are far shorter.
const maxText = 4096

// environment returns the supported part of the template language.
func environment() *exec.Environment {
	return &exec.Environment{
		Context:           exec.EmptyContext(),
		Filters:           filters(),
		Tests:             builtins.Tests,
		ControlStructures: statements(),
		Methods: exec.Methods{
			Bool:  exec.NewMethodSet(map[string]exec.Method[bool]{}),
			Int:   exec.NewMethodSet(map[string]exec.Method[int]{}),
			Float: exec.NewMethodSet(map[string]exec.Method[float64]{}),
			Str:   methods(),
			Dict:  exec.NewMethodSet(map[string]exec.Method[map[string]any]{}),
			List:  exec.NewMethodSet(map[string]exec.Method[[]any]{}),
		},
	}
}

// filterNames are filters whose result is not much longer than their input.
var filterNames = []string{"d", "default", "first", "int", "last", "length", "lower", "replace", "string", "trim", "upper"}

func filters() *exec.FilterSet {
	set := map[string]exec.FilterFunction{}
	for _, name := range filterNames {
		if f, ok := builtins.Filters.Get(name); ok {
			set[name] = limitResult(f)
		}
	}
	return exec.NewFilterSet(set)
}

// limitResult makes a filter return an error for a result that is too long.
func limitResult(f exec.FilterFunction) exec.FilterFunction {
	return func(e *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
		out := f(e, in, params)
		if err := checkLength(out); err != nil {
			return exec.AsValue(err)
		}
		return out
	}
}

func checkLength(v *exec.Value) error {
	if v != nil && v.IsString() && v.Len() > maxText {
		return fmt.Errorf("a text of more than %d characters", maxText)
	}
	return nil
}

// methods returns the supported methods of texts, which do not make long texts.
func methods() *exec.MethodSet[string] {
	set := map[string]exec.Method[string]{}
	for _, name := range []string{"endswith", "lower", "startswith", "strip", "upper"} {
		if m, ok := builtins.Methods.Str.Get(name); ok {
			set[name] = m
		}
	}
	return exec.NewMethodSet(set)
}

// statements returns the supported statements. Known but unsupported statements
// get their own error.
func statements() *exec.ControlStructureSet {
	set := map[string]parser.ControlStructureParser{}
	for _, name := range []string{
		"autoescape", "block", "break", "call", "continue", "do", "extends", "filter", "for", "from", "import",
		"include", "macro", "trans", "with",
	} {
		set[name] = unsupported(name)
	}
	for _, name := range []string{"if", "raw", "set"} {
		if p, ok := structures.All.Get(name); ok {
			set[name] = withLine(p)
		}
	}
	set["set"] = withBoundedSet(set["set"])
	return exec.NewControlStructureSet(set)
}

// withLine adds the line to an error of a statement that has none.
func withLine(parse parser.ControlStructureParser) parser.ControlStructureParser {
	return func(p, args *parser.Parser) (nodes.ControlStructure, error) {
		line := 0
		if t := args.Current(); t != nil {
			line = t.Line
		}
		made, err := parse(p, args)
		if e := new(Error); err != nil && errors.As(asError(err), &e) && e.Line == 0 {
			return nil, &Error{line, e.Text}
		}
		return made, err
	}
}

func unsupported(name string) parser.ControlStructureParser {
	return func(p, _ *parser.Parser) (nodes.ControlStructure, error) {
		line := 0
		if t := p.Current(); t != nil {
			line = t.Line
		}
		return nil, &Error{line, fmt.Sprintf("the statement %q is not supported in a list of images; there are if, set and raw", name)}
	}
}

// withBoundedSet limits the value of a set statement.
func withBoundedSet(parse parser.ControlStructureParser) parser.ControlStructureParser {
	return func(p, args *parser.Parser) (nodes.ControlStructure, error) {
		name := ""
		if t := args.Current(); t != nil {
			name = t.Val
		}
		made, err := parse(p, args)
		if err != nil {
			return nil, err
		}
		set, ok := made.(*structures.SetControlStructure)
		if !ok {
			return nil, &Error{Text: "set is not understood"}
		}
		return boundedSet{set, name}, nil
	}
}

// A boundedSet is a set statement with a limited value. Without the limit, each
// set could double the value of the one before.
type boundedSet struct {
	*structures.SetControlStructure
	name string
}

// Execute implements exec.ControlStructure.
func (s boundedSet) Execute(r *exec.Renderer, block *nodes.ControlStructureBlock) error {
	if err := s.SetControlStructure.Execute(r, block); err != nil {
		return err
	}
	held, _ := r.Environment.Context.Get(s.name)
	v := exec.AsValue(held)
	if v.IsList() || v.IsDict() {
		return &Error{Text: fmt.Sprintf("%s is set to a list or a mapping; a single value is wanted", s.name)}
	}
	return checkLength(v)
}
