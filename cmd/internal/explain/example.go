package explain

import (
	"embed"
	"path"
)

//go:embed examples
var examples embed.FS

// Example returns a plan with a step of a type, or "" for an unknown type.
func Example(typ string) string {
	text, _ := examples.ReadFile(path.Join("examples", typ+".yaml"))
	return string(text)
}
