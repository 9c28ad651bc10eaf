package yamlguard

import (
	"math"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// What PyYAML, which follows YAML 1.1, does not read as a text.
var (
	pyNull  = lazyregexp.New(`^(~|null|Null|NULL)?$`)
	pyTrue  = lazyregexp.New(`^(yes|Yes|YES|true|True|TRUE|on|On|ON)$`)
	pyFalse = lazyregexp.New(`^(no|No|NO|false|False|FALSE|off|Off|OFF)$`)
	pyInt   = lazyregexp.New(`^[-+]?(0b[0-1_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(:[0-5]?[0-9])+)$`)
	pyFloat = lazyregexp.New(`^([-+]?([0-9][0-9_]*)\.[0-9_]*([eE][-+][0-9]+)?|\.[0-9][0-9_]*([eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
	decimal = lazyregexp.New(`^-?(0|[1-9][0-9]*)$`)
)

// IsNull reports whether PyYAML reads the value as nothing.
func (o Opened) IsNull() bool { return o.Kind == Null || (o.Plain && pyNull.MatchString(o.Text)) }

// Bool gives the boolean that PyYAML reads the value as. ok is false when it reads it as
// something else.
func (o Opened) Bool() (value, ok bool) {
	if !o.Plain {
		return false, false
	}
	value = pyTrue.MatchString(o.Text)
	return value, value || pyFalse.MatchString(o.Text)
}

// Changes reports whether PyYAML reads the value as a number that it would write in another
// way: 0123, 1_000, 12:30 and 1.10 become 83, 1000, 750 and 1.1.
func (o Opened) Changes() bool {
	switch {
	case !o.Plain:
		return false
	case pyInt.MatchString(o.Text):
		return !decimal.MatchString(o.Text) || o.Text == "-0"
	case pyFloat.MatchString(o.Text):
		return !sameFloat(o.Text)
	}
	return false
}

// sameFloat reports whether Python writes a number as it is written here.
func sameFloat(text string) bool {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.ContainsAny(text, "_:eE") {
		return false
	}
	same := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(same, ".") {
		same += ".0"
	}
	// Python writes very small numbers and those of many digits with an exponent.
	return same == text && len(text) <= 16 && (f == 0 || math.Abs(f) >= 1e-4)
}
