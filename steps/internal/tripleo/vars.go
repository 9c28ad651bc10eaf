package tripleo

import (
	"maps"
	"strings"
)

// vars are the variables that image names are made of.
type vars map[string]string

// variables gives the release's defaults with the request's laid over them;
// what the request sets by name wins over everything.
func (r release) variables(req Request, driver string) vars {
	v := maps.Clone(r.defaults)
	for name, value := range map[string]string{
		"namespace":      req.Namespace,
		"name_prefix":    req.Prefix,
		"name_suffix":    req.Suffix,
		"tag":            req.Tag,
		"neutron_driver": driver,
	} {
		if value != "" {
			v[name] = value
		}
	}
	maps.Copy(v, req.Set)
	if p := v["name_prefix"]; p != "" && !strings.HasSuffix(p, "-") {
		v["name_prefix"] = p + "-"
	}
	if s := v["name_suffix"]; s != "" && !strings.HasPrefix(s, "-") {
		v["name_suffix"] = "-" + s
	}
	return v
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
