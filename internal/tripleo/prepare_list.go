package tripleo

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// listParameter is the Heat parameter that lists where images come from.
const listParameter = "ContainerImagePrepare"

// listKeys are the keys of an entry of the list.
var listKeys = []string{
	"set", "tag_from_label", "push_destination", "pull_source", "includes", "excludes", "multi_arch",
	"modify_role", "modify_vars", "modify_append_tag", "modify_only_with_labels", "modify_only_with_source",
}

// readList reads the list in the environment. It returns no strategies if there is
// no list or the list is empty.
func (r release) readList(req Request, env *Environment) ([]Strategy, error) {
	list := env.parameters[listParameter]
	if list == nil || list.kind == isNull {
		return nil, nil
	}
	if list.kind != isList {
		return nil, env.errorf(listParameter, "a list is wanted, this is %s", list.kind)
	}
	known, err := r.variableNames()
	if err != nil {
		return nil, err
	}
	reader := listReader{known: known, registry: env.localRegistry(req), anyVariable: req.Template != ""}
	var all []Strategy
	var errs []error
	for i, item := range list.items {
		s, err := reader.readEntry(item)
		if err != nil {
			err = fmt.Errorf("environment file %w", atListEntry(i, err))
		}
		errs = append(errs, err)
		all = append(all, s)
	}
	return all, errors.Join(errs...)
}

// localRegistry returns the registry that "push_destination: true" means, or "".
func (e *Environment) localRegistry(req Request) string {
	if n := e.parameters["LocalContainerRegistry"]; n != nil && n.kind == isText && n.text != "" {
		return n.text + ":8787"
	}
	return req.PushDestination
}

// errorf makes an error about a parameter.
func (e *Environment) errorf(parameter, format string, args ...any) error {
	place := e.parameters[parameter].place
	return fmt.Errorf("environment file %w", place.errorf("%s: %w", parameter, fmt.Errorf(format, args...)))
}

// An entryError is about one entry of a list.
type entryError struct {
	place Place
	key   string
	err   error
}

func (e *entryError) Error() string { return e.key + ": " + e.err.Error() }
func (e *entryError) Unwrap() error { return e.err }

// atListEntry adds to an error its place and the entry of the list that it is about.
func atListEntry(i int, err error) error {
	var entryErr *entryError
	if !errors.As(err, &entryErr) {
		return err
	}
	return entryErr.place.errorf("%s: entry %d: %w", listParameter, i+1, err)
}

// A listReader reads the entries of a list.
type listReader struct {
	known       []string // variables of the release
	registry    string   // the registry that "push_destination: true" means, or ""
	anyVariable bool     // accept unknown variables
}

func (l listReader) readEntry(n *node) (Strategy, error) {
	s := Strategy{Set: map[string]string{}, place: n.place}
	if n.kind != isMap {
		return s, &entryError{n.place, "a mapping is wanted", fmt.Errorf("this is %s", n.kind)}
	}
	for _, p := range n.pairs {
		if p.value.kind == isNull && slices.Contains(listKeys, p.key) {
			continue
		}
		if err := l.readKey(&s, p); err != nil {
			return s, &entryError{p.place, p.key, err}
		}
	}
	if s.Set["tag"] != "" {
		// The old tools look up no label if a tag is set.
		s.TagFromLabel, s.ignoredLabel = "", s.TagFromLabel
	}
	return s, nil
}

// readKey reads one key of an entry.
func (l listReader) readKey(s *Strategy, p pair) (err error) {
	switch p.key {
	case "set":
		return l.readVariables(s, p.value)
	case "tag_from_label":
		s.TagFromLabel, err = p.value.scalarText()
	case "pull_source":
		s.PullSource, err = p.value.scalarText()
		s.PullSource = strings.TrimRight(s.PullSource, "/")
	case "push_destination":
		return l.readPushDestination(s, p.value)
	case "includes":
		s.Includes, err = p.value.expressions()
	case "excludes":
		s.Excludes, err = p.value.expressions()
	case "modify_role":
		return fault.WithHint(errors.New("images are copied as they are here, and never changed on their way"),
			"have the changed image built and pushed elsewhere, and name it in an entry of its own with includes")
	case "multi_arch", "modify_vars", "modify_append_tag", "modify_only_with_labels", "modify_only_with_source":
		// These have no effect without modify_role, and all platforms are copied anyway.
	default:
		return &UnknownError{What: "key", Got: p.key, Known: listKeys}
	}
	return err
}

func (l listReader) readVariables(s *Strategy, n *node) error {
	if n.kind != isMap {
		return fmt.Errorf("a mapping of variables is wanted, this is %s", n.kind)
	}
	for _, p := range n.pairs {
		if !l.anyVariable && !isVariable(l.known, p.key) {
			return &UnknownError{Place: p.place, What: "variable", Got: p.key, Known: l.known}
		}
		if p.value.kind == isList || p.value.kind == isMap {
			return p.place.errorf("%s: a single value is wanted, this is %s", p.key, p.value.kind)
		}
		if p.key == "neutron_driver" && p.value.text == "" {
			continue // an empty driver is derived, like an absent one
		}
		s.Set[p.key] = p.value.text
	}
	return nil
}

// readPushDestination reads push_destination: a registry, true for the
// undercloud's own, or false for none.
func (l listReader) readPushDestination(s *Strategy, n *node) error {
	text, err := n.scalarText()
	switch strings.ToLower(text) {
	case "", "false", "no", "off":
		return err
	case "true", "yes", "on":
		if l.registry == "" {
			return fault.WithHint(errors.New("true stands for the undercloud's own registry, which is not known here"),
				"give its host and port as push_destination of the step, or set LocalContainerRegistry in an environment")
		}
		s.PushDestination, s.local = l.registry, true
		return nil
	}
	s.PushDestination = strings.TrimRight(text, "/")
	return nil
}

// scalarText returns the text of a single value.
func (n *node) scalarText() (string, error) {
	if n.kind != isText {
		return "", fmt.Errorf("a single value is wanted, this is %s", n.kind)
	}
	return n.text, nil
}

// expressions compiles a list of regular expressions.
func (n *node) expressions() ([]*regexp.Regexp, error) {
	if n.kind != isList {
		return nil, fmt.Errorf("a list of regular expressions is wanted, this is %s", n.kind)
	}
	all := make([]*regexp.Regexp, len(n.items))
	for i, item := range n.items {
		text, err := item.scalarText()
		if err == nil {
			all[i], err = lazyregexp.Written(text)
		}
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i+1, err)
		}
	}
	return all, nil
}
