package steps

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/schemas"
	"github.com/bayplan/bayplan/steps/connections"
)

// The schema, which editors check with, and Check, which bayplan checks with,
// agree on every plan under plan/testdata, except where a schema cannot express a
// mistake.
func TestSchemaAgreesWithCheck(t *testing.T) {
	schema := compiled(t)
	files, err := filepath.Glob(filepath.Join("..", "plan", "testdata", "*", "*.yaml"))
	if err != nil || len(files) < 40 {
		t.Fatalf("found %d plans and %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			doc, err := document(file)
			if err != nil {
				return // it is not YAML, and a validator stops before the schema
			}
			var invalid *jsonschema.ValidationError
			if err := schema.Validate(doc); err != nil && !errors.As(err, &invalid) {
				t.Fatal(err)
			}
			mistakes := check(file)
			switch {
			case invalid != nil && mistakes == nil:
				t.Errorf("the schema refuses what Check takes: %v", invalid)
			case invalid == nil && mistakes != nil && beyondSchema[name] == "":
				t.Errorf("the schema takes what Check refuses: %v", mistakes)
			case invalid != nil && beyondSchema[name] != "":
				t.Errorf("the schema can say it after all: %v", invalid)
			}
			if good := filepath.Base(filepath.Dir(file)) == "good"; good && mistakes != nil {
				t.Errorf("a good plan has mistakes: %v", mistakes)
			}
		})
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.PlanV1))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("plan.v1.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("plan.v1.schema.json")
}

// document reads a plan as an editor does: as the JSON that its YAML stands for.
func document(file string) (any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
}

func check(file string) plan.Errors {
	p, errs := plan.Load(context.Background(), file, plan.Options{})
	if p == nil {
		return errs
	}
	out, more := connections.Connect(p)
	errs = append(errs, more...)
	_, more = runner.Check(p, Builtin(out))
	return append(errs, more...)
}

// beyondSchema lists the bad plans whose mistakes a JSON Schema cannot express.
var beyondSchema = map[string]string{
	"after_document_end":      "lost when YAML becomes JSON",
	"directive":               "lost when YAML becomes JSON",
	"not_utf8":                "lost when YAML becomes JSON",
	"plain_text_with_comment": "lost when YAML becomes JSON",
	"second_document":         "lost when YAML becomes JSON",
	"tab_in_text":             "lost when YAML becomes JSON",
	"long_line":               "it names something elsewhere in the plan",
	"undefined_variables":     "it names something elsewhere in the plan",
	"malformed_references":    "what may stand inside of a text",
}
