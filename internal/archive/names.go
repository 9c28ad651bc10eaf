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

// A nameChecker checks the names of entries, each by itself and against all
// names before it.
type nameChecker struct {
	limits Limits
	used   map[string]usedName // by folded name
}

// A usedName is a name that the archive has used.
type usedName struct {
	name string
	dir  bool
}

func newNameChecker(l Limits) *nameChecker { return &nameChecker{l, map[string]usedName{}} }

// CheckName returns an error if an archive cannot have a file of this name.
func CheckName(name string, l Limits) error {
	_, err := newNameChecker(l.orDefault()).file(name)
	return err
}

// file checks the name of a file and returns it cleaned.
func (n *nameChecker) file(raw string) (string, error) {
	name, err := n.clean(raw)
	if err != nil {
		return "", err
	}
	if name == "." {
		return "", errors.New("a file with a directory's name")
	}
	if old, ok := n.used[fold(name)]; ok {
		if old.dir {
			return "", fmt.Errorf("a file where the archive has the directory %q", old.name)
		}
		return "", fmt.Errorf("a second file of that name (%q came before)", old.name)
	}
	if err := n.parents(name); err != nil {
		return "", err
	}
	n.used[fold(name)] = usedName{name, false}
	return name, nil
}

// dir checks the name of a directory and returns it cleaned. The name "." is the
// destination directory itself.
func (n *nameChecker) dir(raw string) (string, error) {
	name, err := n.clean(raw)
	if err != nil || name == "." {
		return name, err
	}
	return name, n.parents(name + "/")
}

// parents records the directories above a name. An archive need not list them.
func (n *nameChecker) parents(name string) error {
	for i, c := range name {
		if c != '/' {
			continue
		}
		dir := name[:i]
		old, ok := n.used[fold(dir)]
		switch {
		case !ok:
			n.used[fold(dir)] = usedName{dir, true}
		case !old.dir:
			return fmt.Errorf("a directory where the archive has the file %q", old.name)
		case old.name != dir:
			return fmt.Errorf("the directories %q and %q are one where case does not count", old.name, dir)
		}
	}
	return nil
}

// clean checks a name by itself. It accepts a leading ./ and double slashes,
// which common tools write.
func (n *nameChecker) clean(raw string) (string, error) {
	switch {
	case raw == "":
		return "", errors.New("it has no name")
	case strings.HasPrefix(raw, "/"):
		return "", errors.New("its name is absolute")
	case len(raw) > n.limits.Name:
		return "", limitErrorf("Name", "its name is longer than %d bytes", n.limits.Name)
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
			return "", limitErrorf("Component", "a part of its name is longer than %d bytes", n.limits.Component)
		case strings.HasPrefix(part, durable.PartPrefix):
			return "", fmt.Errorf("names that begin with %q are for unfinished files", durable.PartPrefix)
		}
	}
	name := path.Clean(raw)
	if depth := strings.Count(name, "/") + 1; depth > n.limits.Depth {
		return "", limitErrorf("Depth", "it is nested more than %d deep", n.limits.Depth)
	}
	return name, nil
}

// fold returns the same text for names that are the same file on some file
// systems.
func fold(name string) string {
	return norm.NFC.String(strings.ToLower(strings.ToUpper(norm.NFC.String(name))))
}
