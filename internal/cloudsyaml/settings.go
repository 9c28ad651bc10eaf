package cloudsyaml

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// settings are a mapping of clouds.yaml, with _ in place of - in its keys. A value is
// settings, a list ([]any), a scalar (yamlguard.Opened), or nil.
type settings map[string]any

func normal(key string) string { return strings.ReplaceAll(key, "-", "_") }

// text makes a scalar that has to be read as text.
func text(s string) yamlguard.Opened { return yamlguard.Opened{Kind: yamlguard.Scalar, Text: s} }

// table gives the settings below a key, nil if there are none.
func (s settings) table(key string) settings {
	t, _ := s[key].(settings)
	return t
}

// mergeDeep puts other settings over these: mappings are merged, all else is replaced. In
// this way secure.yaml is put over clouds.yaml.
func (s settings) mergeDeep(over settings) {
	for key, value := range over {
		below, isTable := value.(settings)
		if old := s.table(key); isTable && old != nil {
			old.mergeDeep(below)
			continue
		}
		s[key] = value
	}
}

// update puts other settings over these: of the mappings, only auth is merged. In this way
// an entry is put over its profile.
func (s settings) update(over settings) {
	for key, value := range over {
		if auth, ok := value.(settings); ok && key == "auth" {
			merged := maps.Clone(s.table(key))
			if merged == nil {
				merged = settings{}
			}
			maps.Copy(merged, auth)
			value = merged
		}
		if key == "auth" && value == nil {
			continue
		}
		s[key] = value
	}
}

// scalar gives the text of a setting, "" if it is not set. path names it in errors.
func scalar(value any, path string) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case yamlguard.Opened:
		if v.Changes() {
			return "", fault.WithHint(fmt.Errorf("setting %s is a number that the openstack command reads in another way than it is written", path),
				"write it in quotes if it is meant as text")
		}
		return v.Text, nil
	}
	return "", fmt.Errorf("setting %s is not a single value", path)
}

// boolean gives a setting that is true or false.
func (s settings) boolean(key string, unset bool) (bool, error) {
	switch v := s[key].(type) {
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
	list, ok := s[key].([]any)
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
	one, err := scalar(s[key], key)
	if err != nil {
		return "", err
	}
	return s.expand(key, one)
}

// braces are {{ and }}, which stand for a brace each, a name in braces, or a brace alone.
var braces = regexp.MustCompile(`\{\{|\}\}|\{[^{}]*\}|[{}]`)

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
		with, err := scalar(s[name], name)
		if s[name] == nil {
			err = fmt.Errorf("setting %s names %s, and there is no setting %s", key, m, name)
		}
		errs = append(errs, err)
		return with
	})
	return out, errors.Join(errs...)
}
