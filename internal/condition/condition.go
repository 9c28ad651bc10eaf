// Package condition evaluates the expressions of when: conditions over texts, lists of
// texts and mappings of texts, in the language of github.com/expr-lang/expr without its
// functions. An expression cannot see the time, the environment or anything else that its
// caller does not give it. The package knows no plan and no YAML.
package condition

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// maxLength is the length of the longest expression, in bytes: reading one takes a
// level of the stack for each bracket.
const maxLength = 4000

// An Error is a mistake in an expression.
type Error struct {
	Offset int // of the mistake in the expression, in characters
	Msg    string
	Hint   string // what to do about it, or ""
}

// Error returns the message.
func (e *Error) Error() string { return e.Msg }

// Names are the values that an expression may use.
type Names struct {
	// Var returns the value of the variable vars.NAME: a string, a []string or a
	// map[string]string. It returns an *Error if there is none, or nil for both if the
	// value is not known because of a mistake elsewhere.
	Var func(name string) (any, *Error)
	// Each says whether each.key and each.value stand for something.
	Each bool
}

// A Condition is an expression whose variables have their values.
type Condition struct {
	program *vm.Program
	vars    map[string]any
}

// Compile reads an expression and checks it. It returns neither a condition nor a
// mistake if a variable is not known because of a mistake elsewhere.
func Compile(text string, names Names) (*Condition, *Error) {
	if len(text) > maxLength {
		return nil, &Error{Msg: "this is too long for an expression"}
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, asError(err)
	}
	c := &checker{names: names, vars: map[string]any{}, kinds: types.Map{}}
	if c.check(tree.Node); c.err != nil || c.unknown {
		return nil, c.err
	}
	env := types.Map{"vars": c.kinds}
	if names.Each {
		env["each"] = types.Map{"key": types.String, "value": types.String}
	}
	program, err := expr.Compile(text, expr.Env(env), expr.DisableAllBuiltins())
	if err != nil {
		return nil, asError(err)
	}
	if kind := program.Node().Type(); kind == nil || kind.Kind() != reflect.Bool {
		return nil, &Error{Msg: "the expression does not give true or false", Hint: "compare it, as vars.NAME == 'yes'"}
	}
	return &Condition{program, c.vars}, nil
}

// Holds reports whether the condition is true for the key and the value of an
// instance, which are "" outside of a repeated step.
func (c *Condition) Holds(key, value string) (bool, *Error) {
	got, err := expr.Run(c.program, map[string]any{"vars": c.vars, "each": map[string]any{"key": key, "value": value}})
	if err != nil {
		return false, asError(err)
	}
	return got == true, nil
}

// asError returns the mistake without the excerpt that package expr adds.
func asError(err error) *Error {
	var at *file.Error
	if errors.As(err, &at) {
		switch at.Message {
		case `unexpected token Operator("=")`:
			return &Error{Offset: at.From, Msg: "a single = stands in the expression", Hint: "write == to compare"}
		case "unexpected token EOF":
			return &Error{Offset: at.From, Msg: "the expression ends here, and something is missing"}
		}
		return &Error{Offset: at.From, Msg: inOurWords(at.Message)}
	}
	return &Error{Msg: err.Error()}
}

// onTypes matches the messages of package expr that have operators and types in them, and
// nothing that a person wrote.
var onTypes = lazyregexp.New(`^(?:invalid operation: (?:[a-zA-Z]+|[=!<>&|]+) \(mismatched types? [^()]*\)|cannot use [a-z\[\]]+ to get an element from [a-z\[\]]+)$`)

// typeWords has the names that messages give the types of values.
var typeWords = strings.NewReplacer("map[string]string", "a mapping", "[]string", "a list", "string", "text", "bool", "true or false")

// inOurWords returns a message of package expr in one line, with our names of types.
func inOurWords(msg string) string {
	if onTypes.MatchString(msg) {
		msg = typeWords.Replace(msg)
	}
	return strings.ReplaceAll(msg, "\n", " ")
}

// operators are those that an expression may use.
var operators = []string{"==", "!=", "<", "<=", ">", ">=", "and", "&&", "or", "||", "in", "matches", "contains", "startsWith", "endsWith"}

const allowed = "there are comparisons, and, or, not, in, matches, contains, startsWith and endsWith"

// A checker walks an expression, refuses what is not allowed and collects the
// variables.
type checker struct {
	names   Names
	vars    map[string]any
	kinds   types.Map
	unknown bool
	err     *Error
}

func (c *checker) fail(n ast.Node, msg, hint string) {
	if c.err == nil {
		c.err = &Error{Offset: n.Location().From, Msg: msg, Hint: hint}
	}
}

func (c *checker) check(n ast.Node) {
	switch n := n.(type) {
	case *ast.StringNode, *ast.BoolNode:
	case *ast.IntegerNode, *ast.FloatNode:
		c.fail(n, "a number stands in the expression, but all values are texts", "put it in quotes")
	case *ast.UnaryNode:
		if n.Operator != "not" && n.Operator != "!" {
			c.fail(n, n.Operator+" cannot stand in a condition", allowed)
		}
		c.check(n.Node)
	case *ast.BinaryNode:
		if !slices.Contains(operators, n.Operator) {
			c.fail(n, n.Operator+" cannot stand in a condition", allowed)
		}
		c.check(n.Left)
		c.check(n.Right)
	case *ast.ArrayNode:
		for _, it := range n.Nodes {
			c.check(it)
		}
	case *ast.MemberNode:
		c.member(n)
	case *ast.IdentifierNode:
		c.fail(n, "there is no "+n.Value, c.identifierHint(n.Value))
	case *ast.CallNode, *ast.BuiltinNode:
		c.fail(n, "functions cannot stand in a condition", allowed)
	default:
		c.fail(n, "this cannot stand in a condition", allowed)
	}
}

func (c *checker) identifierHint(name string) string {
	if name == "vars" || name == "each" {
		return "write " + name + ".NAME"
	}
	if value, err := c.names.Var(name); err == nil && value != nil {
		return "did you mean vars." + name + "?"
	}
	return "write vars.NAME for a variable, and texts in quotes"
}

// member checks vars.NAME, vars.NAME.KEY, vars.NAME[each.key], each.key and each.value.
func (c *checker) member(n *ast.MemberNode) {
	if base, ok := n.Node.(*ast.MemberNode); ok {
		c.member(base)
		if _, fixed := n.Property.(*ast.StringNode); !fixed {
			c.check(n.Property)
		} else if c.err == nil && !c.unknown {
			c.key(n, base)
		}
		return
	}
	head, _ := n.Node.(*ast.IdentifierNode)
	name, fixed := n.Property.(*ast.StringNode)
	switch {
	case head == nil || head.Value != "vars" && head.Value != "each":
		c.check(n.Node)
		c.fail(n, "this cannot stand in a condition", allowed)
	case !fixed:
		c.fail(n, "the name of a variable must be written out", "")
	case head.Value == "vars":
		c.variable(n, name.Value)
	case !c.names.Each:
		c.fail(n, "each stands only in a step with for_each", "")
	case name.Value != "key" && name.Value != "value":
		c.fail(n, "there is no each."+name.Value, "there are each.key and each.value")
	}
}

// key checks the key of a mapping that is written out.
func (c *checker) key(n, base *ast.MemberNode) {
	name, _ := base.Property.(*ast.StringNode)
	key := n.Property.(*ast.StringNode).Value
	value, isMapping := c.vars[name.Value].(map[string]string)
	if _, there := value[key]; there {
		return
	}
	if !isMapping {
		c.fail(n, "only a mapping has keys", "")
		return
	}
	keys := []string{}
	for k := range value {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	c.fail(n, "vars."+name.Value+" has no key "+key, human.DidYouMean(key, keys))
}

func (c *checker) variable(n ast.Node, name string) {
	value, err := c.names.Var(name)
	switch {
	case err != nil:
		c.fail(n, err.Msg, err.Hint)
	case value == nil:
		c.unknown = true
	default:
		c.vars[name] = value
		c.kinds[name] = types.TypeOf(value)
	}
}
