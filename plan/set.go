package plan

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// setValue sets v to a text, which it parses as v's type requires.
func (d *decoder) setValue(n *node, v reflect.Value, text string, loc location) *problem {
	switch k := v.Kind(); {
	case v.Type() == durationType:
		return setDuration(n, v, text, loc)
	case v.Addr().Type().Implements(unmarshalType):
	case k == reflect.Bool:
		return setBool(n, v, text, loc)
	case k >= reflect.Int && k <= reflect.Uint64:
		return setInt(n, v, text, loc)
	case k != reflect.String:
		panic(fmt.Sprintf("plan: Decode into %s, which it does not support", v.Type()))
	}
	if _, c := n.wantText(loc.String(), loc.key); c != nil {
		if n.yamlType != "" && !n.null && len(loc.words) > 0 {
			c.hint = wordHint(text, loc)
		}
		return c
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return &problem{loc.String() + ": " + err.Error(), fault.Hint(err)}
		}
		return nil
	}
	if v.Type() == pathType {
		if text == "" && (loc.required || loc.key == "") {
			return &problem{loc.String() + " must name a file or directory, is empty", ""}
		}
		path, err := resolvePath(d.src.dir, text)
		if err != nil {
			return &problem{loc.String() + ": " + err.Error(), ""}
		}
		text = d.src.adapt.path(text, string(path))
	}
	v.SetString(text)
	return nil
}

// wordHint says which word to write in place of one that YAML reads as true, false or a
// number: the word that means the same, or any of them.
func wordHint(text string, loc location) string {
	if word := human.YesOrNo(text, loc.words); word != "" {
		return "write " + loc.key + ": " + word
	}
	return "write one of " + strings.Join(loc.words, ", ")
}

func setDuration(n *node, v reflect.Value, text string, loc location) *problem {
	d, c := n.wantDuration(loc.String(), text)
	if c == nil {
		v.SetInt(int64(d))
	}
	return c
}

// unquoted reports whether a scalar may be a number or a boolean: it is written
// without quotes, or comes from a reference.
func (n *node) unquoted() bool { return (n.plain && !n.tag) || n.filled || len(n.parts) > 0 }

func setBool(n *node, v reflect.Value, text string, loc location) *problem {
	if n.kind == isScalar && n.unquoted() && (text == "true" || text == "false") {
		v.SetBool(text == "true")
		return nil
	}
	c := &problem{msg: fmt.Sprintf("%s must be true or false, is %s", loc, n.describeValue(text))}
	if n.kind == isScalar && (text == "true" || text == "false") {
		c.hint = "remove the quotes"
	}
	return c
}

func setInt(n *node, v reflect.Value, text string, loc location) *problem {
	sign, num := "", text
	if strings.HasPrefix(text, "-") {
		sign, num = "-", text[1:]
	}
	if n.kind != isScalar || n.null || !n.unquoted() || !digits.MatchString(num) {
		c := &problem{msg: fmt.Sprintf("%s must be a whole number, is %s", loc, n.describeValue(text))}
		if n.kind == isScalar && !n.unquoted() && digits.MatchString(num) {
			c.hint = "remove the quotes"
		}
		return c
	}
	tooLarge := &problem{msg: fmt.Sprintf("%s is out of range", loc)}
	if v.CanInt() {
		i, err := strconv.ParseInt(sign+num, 10, 64)
		if err != nil || v.OverflowInt(i) {
			return tooLarge
		}
		v.SetInt(i)
		return nil
	}
	u, err := strconv.ParseUint(sign+num, 10, 64)
	if err != nil || v.OverflowUint(u) {
		return tooLarge
	}
	v.SetUint(u)
	return nil
}

// describeValue returns the words that messages use for a value: a scalar's text,
// or else the kind of the node.
func (n *node) describeValue(text string) string {
	if n.kind != isScalar || n.null {
		return n.describe()
	}
	return n.quoted(text)
}
