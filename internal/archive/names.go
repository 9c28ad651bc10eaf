package archive

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/bayplan/bayplan/internal/durable"
)

// names checks the names of entries, each by itself and with all before it.
type names struct {
	limits Limits
	seen   map[string]seen // by folded name
}

// seen is one name that the archive uses.
type seen struct {
	name string
	dir  bool
}

func newNames(l Limits) *names { return &names{l, map[string]seen{}} }

// CheckName tells why an archive cannot hold a file of this name.
func CheckName(name string, l Limits) error {
	_, err := newNames(l.orDefault()).file(name)
	return err
}

// file gives the clean name of a file.
func (n *names) file(raw string) (string, error) {
	name, err := n.clean(raw)
	if err != nil {
		return "", err
	}
	if name == "." {
		return "", errors.New("a file with a directory's name")
	}
	if old, ok := n.seen[fold(name)]; ok {
		if old.dir {
			return "", fmt.Errorf("a file where the archive has the directory %q", old.name)
		}
		return "", fmt.Errorf("a second file of that name (%q came before)", old.name)
	}
	if err := n.parents(name); err != nil {
		return "", err
	}
	n.seen[fold(name)] = seen{name, false}
	return name, nil
}

// dir gives the clean name of a directory; "." is the one unpacked into.
func (n *names) dir(raw string) (string, error) {
	name, err := n.clean(raw)
	if err != nil || name == "." {
		return name, err
	}
	return name, n.parents(name + "/")
}

// parents notes the directories above a name, which tar need not list.
func (n *names) parents(name string) error {
	for i, c := range name {
		if c != '/' {
			continue
		}
		dir := name[:i]
		old, ok := n.seen[fold(dir)]
		switch {
		case !ok:
			n.seen[fold(dir)] = seen{dir, true}
		case !old.dir:
			return fmt.Errorf("a directory where the archive has the file %q", old.name)
		case old.name != dir:
			return fmt.Errorf("the directories %q and %q are one where case does not count", old.name, dir)
		}
	}
	return nil
}

// clean checks a name by itself. What tools write for "here" is fine: a
// leading ./ and doubled slashes.
func (n *names) clean(raw string) (string, error) {
	switch {
	case raw == "":
		return "", errors.New("it has no name")
	case strings.HasPrefix(raw, "/"):
		return "", errors.New("its name is absolute")
	case len(raw) > n.limits.Name:
		return "", limitf("Name", "its name is longer than %d bytes", n.limits.Name)
	case !utf8.ValidString(raw):
		return "", errors.New("its name is not UTF-8")
	case strings.ContainsFunc(raw, unicode.IsControl):
		return "", errors.New("its name has control characters")
	}
	for part := range strings.SplitSeq(raw, "/") {
		switch {
		case part == "..":
			return "", errors.New(`its name has ".."`)
		case len(part) > n.limits.Component:
			return "", limitf("Component", "a part of its name is longer than %d bytes", n.limits.Component)
		case strings.HasPrefix(part, durable.PartPrefix):
			return "", fmt.Errorf("names that begin with %q are for unfinished files", durable.PartPrefix)
		}
	}
	name := path.Clean(raw)
	if depth := strings.Count(name, "/") + 1; depth > n.limits.Depth {
		return "", limitf("Depth", "it is nested more than %d deep", n.limits.Depth)
	}
	return name, nil
}

// fold gives the same text for names that some file systems take for one.
func fold(name string) string {
	return norm.NFC.String(strings.ToLower(strings.ToUpper(norm.NFC.String(name))))
}
