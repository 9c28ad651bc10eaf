package plan

import (
	"slices"
	"strconv"
)

// readSecrets reads where to find the secrets. It does not read their values.
func (r *reader) readSecrets(section *node, p *Plan) {
	if section == nil || !r.wantMapping(section, "secrets") {
		return
	}
	for _, e := range section.entries {
		r.secretNames = append(r.secretNames, e.key)
		if first := r.secrets[e.key]; first != nil {
			r.failTwice(e.keyPos, "secret", e.key, first.src, first.pos)
		} else if r.wantName(e, "secret", refName, "lower-case letters, digits and _") {
			r.readSecret(e)
		}
		s := r.secrets[e.key]
		if s == nil || slices.Contains(p.secrets, s) {
			continue
		}
		p.secrets = append(p.secrets, s)
		if s.env != "" {
			p.SecretVariables = append(p.SecretVariables, s.env)
		}
	}
	slices.Sort(p.SecretVariables)
}

func (r *reader) readSecret(e entry) {
	name := "secret " + strconv.Quote(e.key)
	const hint = "write {env: VARIABLE} or {file: PATH}"
	if e.value.kind != isMapping && !e.value.reported {
		r.src.hide(e.value.text)
		r.fail(e.valuePos, hint, "%s must say where to find it", name)
		return
	}
	if e.value.reported {
		return
	}
	f := r.keyedFields(e.value, name, "env", "file")
	env, file := f.value("env"), f.value("file")
	if len(f.byKey) == 2 || (len(f.byKey) == 0 && len(f.suggested) == 0) {
		r.fail(e.keyPos, hint, "%s must have exactly one of env and file", name)
		return
	}
	found := &secretSource{name: e.key, included: r.included, src: r.src, pos: e.keyPos, redactor: r.redactor}
	if text, ok := r.plainText(env, "env", "env"); ok {
		found.env = text
		r.nonEmpty(env, text, "env")
	}
	if text, ok := r.plainText(file, "file", "file"); ok && r.nonEmpty(file, text, "file") {
		path, err := resolvePath(r.src.dir, text)
		if err != nil {
			r.fail(file.pos, "", "file: %v", err)
		}
		found.file = string(path)
	}
	r.secrets[e.key] = found
}
