package plan

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
)

// set puts a text into v as v's type reads it.
func (d *decoder) set(n *node, v reflect.Value, text string, at spot) *complaint {
	switch k := v.Kind(); {
	case v.Type() == durationType:
		return setDuration(n, v, text, at)
	case v.Addr().Type().Implements(unmarshalType):
	case k == reflect.Bool:
		return setBool(n, v, text, at)
	case k >= reflect.Int && k <= reflect.Uint64:
		return setInt(n, v, text, at)
	case k != reflect.String:
		panic(fmt.Sprintf("plan: Decode into %s, which it does not understand", v.Type()))
	}
	if _, c := n.wantText(at.String(), at.key); c != nil {
		return c
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return &complaint{at.String() + ": " + err.Error(), fault.Hint(err)}
		}
		return nil
	}
	if v.Type() == pathType {
		if text == "" && (at.required || at.key == "") {
			return &complaint{at.String() + " must name a file or directory, is empty", ""}
		}
		path, err := resolvePath(d.src.dir, text)
		if err != nil {
			return &complaint{at.String() + ": " + err.Error(), ""}
		}
		text = string(path)
	}
	v.SetString(text)
	return nil
}

func setDuration(n *node, v reflect.Value, text string, at spot) *complaint {
	d, c := n.wantDuration(at.String(), text)
	if c == nil {
		v.SetInt(int64(d))
	}
	return c
}

// unquoted says whether a scalar may be read as more than text: it was written
// without quotes, or came out of a reference.
func (n *node) unquoted() bool { return (n.plain && !n.tag) || n.filled || len(n.parts) > 0 }

func setBool(n *node, v reflect.Value, text string, at spot) *complaint {
	if n.kind == isScalar && n.unquoted() && (text == "true" || text == "false") {
		v.SetBool(text == "true")
		return nil
	}
	c := &complaint{msg: fmt.Sprintf("%s must be true or false, is %s", at, n.shown(text))}
	if n.kind == isScalar && (text == "true" || text == "false") {
		c.hint = "take the quotes off"
	}
	return c
}

func setInt(n *node, v reflect.Value, text string, at spot) *complaint {
	sign, num := "", text
	if strings.HasPrefix(text, "-") {
		sign, num = "-", text[1:]
	}
	if n.kind != isScalar || n.null || !n.unquoted() || !digits.MatchString(num) {
		c := &complaint{msg: fmt.Sprintf("%s must be a whole number, is %s", at, n.shown(text))}
		if n.kind == isScalar && !n.unquoted() && digits.MatchString(num) {
			c.hint = "take the quotes off"
		}
		return c
	}
	tooLarge := &complaint{msg: fmt.Sprintf("%s is out of range", at)}
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

// shown says what a node is, with its text where that helps.
func (n *node) shown(text string) string {
	if n.kind != isScalar || n.null {
		return n.is()
	}
	return n.quoted(text)
}
