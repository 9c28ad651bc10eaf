package tripleo

import (
	"maps"
	"strings"
)

// vars are the variables that image names are made of.
type vars map[string]string

// variables gives the release's defaults with the strategy's laid over them.
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

// name gives the entry's image reference without its tag, and the tag to start
// with.
func (v vars) name(e Entry) (name, tag string) {
	base := e.Basename
	if variable, ok := strings.CutPrefix(base, "{"); ok {
		base = v[strings.TrimSuffix(variable, "}")]
	}
	return v[e.namespaceVar] + "/" + v[e.prefixVar] + base + v[e.suffixVar], v[e.tagVar]
}

// meets says whether a condition on a variable holds: "logging=stdout" on its
// text, "ceph_images=true" on what it means, "namespace_stein defined" on its
// being there.
func (v vars) meets(condition string) bool {
	if name, ok := strings.CutSuffix(condition, " defined"); ok {
		_, there := v[name]
		return there
	}
	name, want, ok := strings.Cut(condition, "=")
	switch {
	case !ok:
		return true
	case want == "true" || want == "false":
		return truth(v[name]) == (want == "true")
	}
	return v[name] == want
}

// truth reads a variable that is a switch. All but what YAML and Python take
// for false is true.
func truth(text string) bool {
	switch strings.ToLower(text) {
	case "", "false", "no", "off", "0", "none", "null":
		return false
	}
	return true
}
