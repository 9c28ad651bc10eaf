package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/schemas"
)

// checkDocument is the script command document NAME [FILE]: FILE, by default what the last
// command printed, holds the document NAME or a failure in its place, or is a stream of
// such lines. It has no field that the schema does not have.
func checkDocument(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: document name [file]")
	}
	file := "stdout"
	if len(args) == 2 {
		file = args[1]
	}
	ts.Check(matchesSchema(args[0], []byte(ts.ReadFile(file))))
}

// holdState is the script command holdstate DIR PLAN: until the script ends, this process
// holds the state of a plan in a directory.
func holdState(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: holdstate dir plan")
	}
	store, err := runner.OpenStore(ts.MkAbs(args[0]), ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Defer(func() { ts.Check(store.Close()) })
}

// matchesSchema compares JSON with the schema of a document, or each value of a stream.
func matchesSchema(name string, text []byte) error {
	schema, err := strictSchema(name)
	if err != nil {
		return err
	}
	values := json.NewDecoder(bytes.NewReader(text))
	values.UseNumber()
	n := 0
	for ; ; n++ {
		var value any
		if err := values.Decode(&value); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("%s: %w in %q", name, err, text)
		}
		if err := schema.Validate(value); err != nil {
			return fmt.Errorf("%s: %w in %q", name, err, text)
		}
	}
	if n == 0 || n > 1 && name != string(document.EventsName) {
		return fmt.Errorf("%s: there are %d documents in %q", name, n, text)
	}
	return nil
}

// strictSchema returns a schema that allows no field that it does not have. The published
// ones allow them, for later versions.
func strictSchema(name string) (*jsonschema.Schema, error) {
	text, err := schemas.Read(name)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	for _, def := range doc.(map[string]any)["$defs"].(map[string]any) {
		if object := def.(map[string]any); object["properties"] != nil {
			object["additionalProperties"] = false
		}
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, doc); err != nil {
		return nil, err
	}
	return c.Compile(name)
}

// Each command with --json has a schema of what it prints.
func TestEveryDocumentHasASchema(t *testing.T) {
	app := newProgram(io.Discard, io.Discard).app()
	for _, c := range app.Commands {
		if commandline.FindFlag(c.Flags, "json") == nil {
			continue
		}
		name := commandline.Line{App: app, Document: documentOf}.Asked([]string{"bayplan", c.Name, "--json"})
		if !slices.Contains(schemas.Names(), string(name)) {
			t.Errorf("%s --json prints the document %q, which has no schema", c.Name, name)
		}
	}
}
