package cloudsyaml

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// settings are a mapping of clouds.yaml, each key once and in the order in which the files
// have them. openstacksdk looks at some keys as they are written, and takes - for _ only then.
// Of two spellings of one key, the later one counts.
type settings []setting

// A setting's value is settings, a list ([]any), a scalar (yamlguard.Opened), or nil.
type setting struct {
	key   string
	value any
}

// text makes a scalar that has to be read as text.
func text(s string) yamlguard.Opened { return yamlguard.Opened{Kind: yamlguard.Scalar, Text: s} }

func (s settings) index(key string) int {
	return slices.IndexFunc(s, func(p setting) bool { return p.key == key })
}

func (s settings) has(key string) bool { return s.index(key) >= 0 }

// get gives the value of a setting, nil if there is none.
func (s settings) get(key string) any {
	if i := s.index(key); i >= 0 {
		return s[i].value
	}
	return nil
}

// set changes a setting in its place, or adds it at the end.
func (s *settings) set(key string, value any) {
	if i := s.index(key); i >= 0 {
		(*s)[i].value = value
		return
	}
	*s = append(*s, setting{key, value})
}

func (s *settings) remove(key string) {
	*s = slices.DeleteFunc(*s, func(p setting) bool { return p.key == key })
}

// table gives the settings below a key, nil if there are none.
func (s settings) table(key string) settings {
	t, _ := s.get(key).(settings)
	return t
}

// normalized gives the settings with _ in place of - in all keys.
func (s settings) normalized() settings {
	var out settings
	for _, p := range s {
		if below, ok := p.value.(settings); ok {
			p.value = below.normalized()
		}
		out.set(strings.ReplaceAll(p.key, "-", "_"), p.value)
	}
	return out
}

// mergeDeep gives these settings with others put over them: mappings are merged, all else is
// replaced. In this way secure.yaml is put over clouds.yaml.
func (s settings) mergeDeep(over settings) settings {
	out := slices.Clone(s)
	for _, p := range over {
		below, isTable := p.value.(settings)
		if old := out.table(p.key); isTable && old != nil {
			p.value = old.mergeDeep(below)
		}
		out.set(p.key, p.value)
	}
	return out
}

// update puts other settings over these: of the mappings, only auth is merged. In this way
// an entry is put over its profile.
func (s *settings) update(over settings) {
	for _, p := range over {
		if p.key == "auth" && p.value == nil {
			continue
		}
		if below, ok := p.value.(settings); ok && p.key == "auth" {
			auth := slices.Clone(s.table("auth"))
			for _, b := range below {
				auth.set(b.key, b.value)
			}
			p.value = auth
		}
		s.set(p.key, p.value)
	}
}

// readTags are the tags of YAML that do not change what a text stands for. Others, such as
// !vault and !!binary, say that the text is not the value.
var readTags = [...]string{"", "!", "!!str", "!!int", "!!float", "!!bool", "!!null"}

// scalar gives the text of a setting, "" if it is not set. path names it in errors.
func scalar(value any, path string) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case yamlguard.Opened:
		if !slices.Contains(readTags[:], v.Tag) {
			return "", fault.WithHint(fmt.Errorf("setting %s has the tag %s, which the openstack command does not read", path, v.Tag), "write the value itself, without a tag")
		}
		kind := ""
		if v.Changes() {
			kind = "a number that the openstack command reads in another way than it is written"
		}
		if is, ok := v.Bool(); ok {
			kind = fmt.Sprintf("a word that the openstack command reads as %t", is)
		}
		if kind != "" {
			return "", fault.WithHint(fmt.Errorf("setting %s is %s", path, kind), "write it in quotes if it is meant as text")
		}
		return v.Text, nil
	}
	return "", fmt.Errorf("setting %s is not a single value", path)
}

// boolean gives a setting that is true or false.
func (s settings) boolean(key string, unset bool) (bool, error) {
	switch v := s.get(key).(type) {
	case nil:
		return unset, nil
	case yamlguard.Opened:
		if b, ok := v.Bool(); ok {
			return b, nil
		}
		// The openstack command takes these words in quotes, and from the environment.
		switch strings.ToLower(v.Text) {
		case "true":
			return true, nil
		case "false", "":
			return false, nil
		}
	}
	return false, fmt.Errorf("setting %s is neither true nor false", key)
}

// texts gives a setting that is a text or a list of them.
func (s settings) texts(key string) ([]string, error) {
	list, ok := s.get(key).([]any)
	if !ok {
		one, err := s.text(key)
		if one == "" || err != nil {
			return nil, err
		}
		return []string{one}, nil
	}
	var all []string
	for i, item := range list {
		one, err := scalar(item, fmt.Sprintf("%s[%d]", key, i))
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// text gives the text of a setting, with {name} replaced by the setting of that name.
func (s settings) text(key string) (string, error) {
	one, err := scalar(s.get(key), key)
	if err != nil {
		return "", err
	}
	return s.expand(key, one)
}

// braces are {{ and }}, which stand for a brace each, a name in braces, or a brace alone.
var braces = lazyregexp.New(`\{\{|\}\}|\{[^{}]*\}|[{}]`)

// expand replaces names in braces in the value of a setting.
func (s settings) expand(key, value string) (string, error) {
	var errs []error
	out := braces.ReplaceAllStringFunc(value, func(m string) string {
		switch {
		case m == "{{" || m == "}}":
			return m[:1]
		case len(m) == 1:
			errs = append(errs, fmt.Errorf("setting %s has a single %s; write %s%s for a brace", key, m, m, m))
			return m
		}
		name := m[1 : len(m)-1]
		with, err := scalar(s.get(name), name)
		if s.get(name) == nil {
			err = fmt.Errorf("setting %s names %s, and there is no setting %s", key, m, name)
		}
		errs = append(errs, err)
		return with
	})
	return out, errors.Join(errs...)
}
