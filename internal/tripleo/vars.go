package tripleo

import (
	"maps"
	"strings"
)

// vars are the variables that make up image names.
type vars map[string]string

// variables returns the release's defaults, overridden by the strategy's variables
// and the driver.
func (r release) variables(s Strategy, driver string) (vars, error) {
	v, err := r.defaults()
	if err != nil {
		return nil, err
	}
	maps.Copy(v, s.Set)
	v["neutron_driver"] = driver
	if p := v["name_prefix"]; p != "" && !strings.HasSuffix(p, "-") {
		v["name_prefix"] = p + "-"
	}
	if s := v["name_suffix"]; s != "" && !strings.HasPrefix(s, "-") {
		v["name_suffix"] = "-" + s
	}
	return v, nil
}

// imageName returns the entry's image reference without its tag, and its tag before
// any lookup.
func (v vars) imageName(e Entry) (name, tag string) {
	base := e.Basename
	if variable, ok := strings.CutPrefix(base, "{"); ok {
		base = v[strings.TrimSuffix(variable, "}")]
	}
	return v[e.namespaceVar] + "/" + v[e.prefixVar] + base + v[e.suffixVar], v[e.tagVar]
}

// satisfies reports whether a condition on a variable holds. "logging=stdout"
// compares its text, "ceph_images=true" its value as a switch, and
// "namespace_stein defined" requires that it is set. An empty condition holds.
func (v vars) satisfies(condition string) bool {
	if name, ok := strings.CutSuffix(condition, " defined"); ok {
		_, there := v[name]
		return there
	}
	name, want, ok := strings.Cut(condition, "=")
	switch {
	case !ok:
		return true
	case want == "true" || want == "false":
		return isTrue(v[name]) == (want == "true")
	}
	return v[name] == want
}

// isTrue reads a variable that is a switch. A text is true unless YAML or Python
// reads it as false.
func isTrue(text string) bool {
	switch strings.ToLower(text) {
	case "", "false", "no", "off", "0", "none", "null":
		return false
	}
	return true
}
