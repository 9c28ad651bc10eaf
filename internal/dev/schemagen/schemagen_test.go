package schemagen

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/schemas"
	"github.com/bayplan/bayplan/steps"
)

func TestSchemaIsUpToDate(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Generate(root)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(schemas.PlanV1, want) {
		t.Error("schemas/plan.v1.schema.json does not match the sources; run `make generate`")
	}
}

// Every setting has a description, which `bayplan explain` and editors show.
func TestEverythingIsDescribed(t *testing.T) {
	var schema struct {
		Defs map[string]described `json:"$defs"`
	}
	if err := json.Unmarshal(schemas.PlanV1, &schema); err != nil {
		t.Fatal(err)
	}
	names := []string{"registry", "cloud", "host"}
	for _, typ := range steps.Builtin(nil) {
		names = append(names, typ.Name)
	}
	for _, name := range names {
		def, ok := schema.Defs[name]
		if !ok {
			t.Errorf("%s is not in the schema", name)
			continue
		}
		def.check(t, name)
	}
}

type described struct {
	Description string               `json:"description"`
	Properties  map[string]described `json:"properties"`
}

func (d described) check(t *testing.T, path string) {
	t.Helper()
	if d.Description == "" {
		t.Errorf("%s has no description", path)
	}
	for name, p := range d.Properties {
		p.check(t, path+"."+name)
	}
}

// Two types of one name would get one definition, which is wrong for one of them.
func TestTypesOfOneName(t *testing.T) {
	var n typeNames
	type Item struct{}
	for _, typ := range []reflect.Type{reflect.TypeFor[Item](), reflect.TypeFor[runner.Step](), reflect.TypeFor[[]string](), reflect.TypeFor[[]int](), reflect.TypeFor[Item]()} {
		n.name(typ)
	}
	if len(n.twice) != 0 {
		t.Errorf("types of different names: %v", n.twice)
	}
	n.name(reflect.TypeFor[runner.Item]())
	if len(n.twice) != 1 || n.twice[0] != "schemagen.Item and runner.Item" {
		t.Errorf("types of one name: %v", n.twice)
	}
}
