package tripleo

import (
	"fmt"
	"io"

	"github.com/bayplan/bayplan/internal/yamlguard"
)

// readYAML reads the one document of a YAML file. For an empty file it returns a
// null node.
func readYAML(open Open, path string) (*node, error) {
	text, err := readFile(open, path)
	if err != nil {
		return nil, err
	}
	return parseYAML(path, text)
}

func parseYAML(path, text string) (*node, error) {
	_, body, bad := yamlguard.Parse([]byte(text), yamlguard.Options{Directives: true})
	if bad != nil {
		return nil, Place{path, bad.Pos.Line}.errorf("%w", bad)
	}
	w := converter{file: path, anchors: map[string]*node{}}
	return w.node(body)
}

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
	return string(text), nil
}
