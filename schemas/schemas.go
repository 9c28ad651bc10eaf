// Package schemas holds the JSON Schemas (draft 2020-12) of plan files, for editors and for
// bayplan itself, and of all documents that bayplan prints. They are generated from the Go
// types and checked in. The pages of the reference, under docs/reference, are made of them.
package schemas

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

//go:generate go run ../internal/dev/schemagen/write plan.v1.schema.json
//go:generate go test ../cmd/internal/document -run TestSchemasAreUpToDate -update
//go:generate go test ../cmd/bayplan -run TestReferenceIsUpToDate|TestFormsNames -update

// PlanV1 is the JSON Schema of a plan of apiVersion bayplan/v1.
//
//go:embed plan.v1.schema.json
var PlanV1 []byte

//go:embed *.v1.schema.json
var files embed.FS

const ending = ".v1.schema.json"

// File returns the name of the file that holds the schema with a name.
func File(name string) string { return name + ending }

// Names returns the names of all schemas, sorted: plan, and those of documents.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(fmt.Sprintf("schemas: read the embedded files: %v", err)) // they are part of the binary
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ending)
	}
	slices.Sort(names)
	return names
}

// Read returns the schema with a name. The error for an unknown name is fs.ErrNotExist.
func Read(name string) ([]byte, error) { return fs.ReadFile(files, File(name)) }
