package schemagen

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bayplan/bayplan/internal/markdown"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/schemas"
	"github.com/bayplan/bayplan/steps"
	"github.com/bayplan/bayplan/steps/connections"
)

// top is the directory of the module.
var top = filepath.Join("..", "..", "..")

// withoutExample are settings that no plan can have.
var withoutExample = map[string]string{
	"prepare: images[].layout (text)": "prepare takes no layouts",
	"prepare: images[].key (text)":    "prepare takes no layouts",
}

// Every setting has what editors show.
func TestEditorsShowEverySetting(t *testing.T) {
	s := new(jsonschema.Schema)
	if err := json.Unmarshal(schemas.PlanV1, s); err != nil {
		t.Fatal(err)
	}
	a, count := annotator{root: s}, 0
	for name, def := range s.Definitions {
		count += a.checkSettings(t, name, def)
	}
	count += a.checkSettings(t, "plan", s)
	if texts := bytes.Count(schemas.PlanV1, []byte(`"markdownDescription": "`)); count < 250 || texts != count {
		t.Errorf("found %d settings and %d descriptions as Markdown", count, texts)
	}
}

// checkSettings checks the settings below a schema and returns how many there are.
func (a annotator) checkSettings(t *testing.T, of string, s *jsonschema.Schema) (count int) {
	t.Helper()
	if s == nil {
		return 0
	}
	if s.Properties != nil {
		for p := s.Properties.Oldest(); p != nil; p = p.Next() {
			count++
			if p.Value.Title == "" || p.Value.Description == "" {
				t.Errorf("%s: %s has the title %q and the description %q", of, p.Key, p.Value.Title, p.Value.Description)
			}
			if a.takesExample(p.Value) && len(p.Value.Examples) == 0 && withoutExample[of+": "+p.Value.Title] == "" {
				t.Errorf("%s: no plan has an example of %s; write one into internal/dev/schemagen/examples", of, p.Value.Title)
			}
			count += a.checkSettings(t, of, p.Value)
		}
	}
	count += a.checkSettings(t, of, s.Items) + a.checkSettings(t, of, s.AdditionalProperties)
	for _, form := range s.AnyOf {
		count += a.checkSettings(t, of, form)
	}
	return count
}

// The links that editors show lead to sections of the reference.
func TestEditorsLinkToTheReference(t *testing.T) {
	links := regexp.MustCompile(`\(`+regexp.QuoteMeta(pages)+`([^)#]*)#?([^)]*)\)`).FindAllSubmatch(schemas.PlanV1, -1)
	if len(links) < 250 {
		t.Errorf("found only %d links", len(links))
	}
	anchors := map[string]bool{}
	for _, m := range links {
		page, to := string(m[1]), string(m[2])
		if !anchors[page] {
			text, err := os.ReadFile(filepath.Join(top, "docs", "reference", filepath.FromSlash(page)))
			if err != nil {
				t.Fatal(err)
			}
			anchors[page] = true
			for _, h := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(text), -1) {
				anchors[page+"#"+markdown.Anchor(h[1])] = true
			}
		}
		if to != "" && !anchors[page+"#"+to] {
			t.Errorf("docs/reference/%s has no section #%s", page, to)
		}
	}
}

// The schema is one of its draft.
func TestSchemaIsOfItsDraft(t *testing.T) {
	doc, err := validator.UnmarshalJSON(bytes.NewReader(schemas.PlanV1))
	if err != nil {
		t.Fatal(err)
	}
	draft, err := validator.NewCompiler().Compile("https://json-schema.org/draft/2020-12/schema")
	if err != nil {
		t.Fatal(err)
	}
	if err := draft.Validate(doc); err != nil {
		t.Error(err)
	}
	head := doc.(map[string]any)
	if head["$schema"] != "https://json-schema.org/draft/2020-12/schema" || head["$id"] != id {
		t.Errorf("$schema is %v, $id is %v", head["$schema"], head["$id"])
	}
}

// Every plan from which the examples are taken is valid, for editors and for bayplan, and so
// is each snippet.
func TestExamplesAreValid(t *testing.T) {
	doc, err := validator.UnmarshalJSON(bytes.NewReader(schemas.PlanV1))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource(id, doc); err != nil {
		t.Fatal(err)
	}
	schema := c.MustCompile(id)
	plans := 0
	for _, source := range exampleSources {
		err := filepath.WalkDir(filepath.Join(top, source), func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(file) != ".yaml" {
				return err
			}
			read, err := readPlan(file)
			if read == nil || err != nil {
				return err
			}
			plans++
			if err := schema.Validate(asDecoded(t, read)); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if plans < 30 {
		t.Errorf("found only %d plans", plans)
	}
	snippets := doc.(map[string]any)["$defs"].(map[string]any)["step"].(map[string]any)["defaultSnippets"].([]any)
	if len(snippets) != len(steps.Builtin(nil)) {
		t.Errorf("there are %d snippets", len(snippets))
	}
	for _, s := range snippets {
		whole := map[string]any{"apiVersion": "bayplan/v1", "name": "x", "steps": map[string]any{"x": unquoted(s.(map[string]any)["body"])}}
		if err := schema.Validate(whole); err != nil {
			t.Errorf("the snippet %s: %v", s.(map[string]any)["label"], err)
		}
	}
	checkPlan(t, filepath.Join("examples", "settings.yaml"))
}

// unquoted gives a value as a plan has it into which an editor has put it.
func unquoted(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			value[key] = unquoted(v)
		}
	case []any:
		for i, v := range value {
			value[i] = unquoted(v)
		}
	case string:
		if text, err := strconv.Unquote(value); err == nil {
			return text
		}
	}
	return value
}

// asDecoded gives a value as the validator reads it.
func asDecoded(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := validator.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func checkPlan(t *testing.T, file string) {
	t.Helper()
	p, errs := plan.Load(t.Context(), file, plan.Options{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	conns, errs := connections.Connect(p)
	_, more := runner.Check(p, steps.Builtin(conns))
	for _, err := range append(errs, more...) {
		t.Error(err)
	}
}

// The entry for the catalog of SchemaStore has the fields that its schema allows:
// https://github.com/SchemaStore/schemastore/blob/master/src/schemas/json/schema-catalog.json.
func TestSchemaStoreEntry(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, "schemas", "schemastore.json"))
	if err != nil {
		t.Fatal(err)
	}
	var entry struct {
		Name        string            `json:"name"`
		Description string            `json:"description"`
		FileMatch   []string          `json:"fileMatch"`
		URL         string            `json:"url"`
		Versions    map[string]string `json:"versions"`
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&entry); err != nil {
		t.Fatal(err)
	}
	if entry.Name == "" || entry.Description == "" || entry.URL != id || entry.Versions["v1"] != id || !strings.HasPrefix(id, "https://") {
		t.Errorf("the entry is %+v", entry)
	}
	page, err := os.ReadFile(filepath.Join(top, "docs", "editors.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, glob := range entry.FileMatch {
		if seen[glob] || !strings.Contains(string(page), "`"+glob+"`") {
			t.Errorf("docs/editors.md does not name %s, or it is there twice", glob)
		}
		seen[glob] = true
	}
	if len(seen) != 2 {
		t.Errorf("the files are %q", entry.FileMatch)
	}
}
