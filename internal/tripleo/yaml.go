package tripleo

import (
	"fmt"
	"io"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/textfile"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// readYAML reads the one document of a YAML file that others have written. For an empty
// file it returns a null node. It calls note for what may be a mistake there.
func readYAML(open Open, path string, note func(string)) (*node, error) {
	text, err := readFile(open, path)
	if err != nil {
		return nil, err
	}
	return parseYAML(path, text, note)
}

// parseYAML reads a document as the tools of TripleO do: of a key that is given twice,
// the last one counts, and note gets to know of it. Without note it is an error.
func parseYAML(path, text string, note func(string)) (*node, error) {
	_, body, bad := yamlguard.Parse([]byte(text), yamlguard.Options{Directives: true, Foreign: true})
	if bad != nil {
		at := Place{File: path, Line: bad.Pos.Line}
		if isOurs(text) {
			at.Col = bad.Pos.Col
		}
		return nil, at.errorf("%w", bad)
	}
	w := converter{file: path, note: note, anchors: map[string]*node{}}
	return w.node(body)
}

// ours matches the keys that begin lines of the files that the package reads.
var ours = lazyregexp.New(`(?m)^(?:container_images|resource_registry|parameter_defaults|parameters)[ \t]*:|^[ \t]*-[ \t]+(?:name|imagename)[ \t]*:`)

// isOurs reports whether a text that cannot be read is one of the files that the package
// reads. A file of another kind may hold secrets, and its lines must not be shown.
func isOurs(text string) bool { return ours.MatchString(text) }

func readFile(open Open, path string) (string, error) {
	f, err := open(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, withoutPath(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, yamlguard.MaxBytes+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, withoutPath(err))
	}
	if len(text) > yamlguard.MaxBytes {
		return "", fmt.Errorf("%s: the file is larger than %d MiB", path, yamlguard.MaxBytes>>20)
	}
	if text, err = textfile.Decode(text); err != nil {
		return "", fault.WithHint(fmt.Errorf("%s: %w", path, err), fault.Hint(err))
	}
	return string(text), nil
}
