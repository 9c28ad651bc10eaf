package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/cmd/internal/exitcode"
	"github.com/bayplan/bayplan/cmd/internal/explain"
	"github.com/bayplan/bayplan/cmd/internal/metrics"
	"github.com/bayplan/bayplan/schemas"
)

// What plans, command lines and programs rely on is still there: each line of names.txt of
// each form is true. With -update, the newest form gets what is new.
func TestFormsNames(t *testing.T) {
	now := promises(t)
	dirs := formDirs(t)
	for i, of := range dirs {
		file := filepath.Join(of, "names.txt")
		before := map[string]bool{}
		text, err := os.ReadFile(file)
		if err != nil && !*update {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			before[strings.TrimSpace(line)] = true
		}
		for _, line := range slices.Sorted(maps.Keys(before)) {
			if !now[line] {
				t.Errorf("%s: it is promised and not true: %s", file, line)
			}
		}
		if *update && i == len(dirs)-1 {
			maps.Copy(before, now)
			all := strings.Join(slices.Sorted(maps.Keys(before)), "\n") + "\n"
			if err := os.WriteFile(file, []byte(all), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(now) < 1000 {
		t.Errorf("found only %d promises", len(now))
	}
}

// promises returns what must stay true, a line each. What is added makes none of them untrue.
func promises(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	promise := func(format string, args ...any) { all[fmt.Sprintf(format, args...)] = true }
	promisePlans(t, promise)
	for _, name := range schemas.Names() {
		if name != "plan" {
			promiseDocument(t, name, promise)
		}
	}
	for _, m := range exitcode.Meanings() {
		promise("exit code %d", m.Code)
	}
	for _, f := range metrics.Families() {
		promise("metric %s is a %s", f.Name, f.Type)
		if f.Label != "" {
			promise("metric %s has the label %s", f.Name, f.Label)
		}
	}
	promiseCommands(newProgram(io.Discard, io.Discard).app().Commands, "bayplan", promise)
	return all
}

func promisePlans(t *testing.T, promise func(string, ...any)) {
	t.Helper()
	d, err := explain.Document("")
	if err != nil {
		t.Fatal(err)
	}
	settings := func(of string, list []document.Setting) {
		for _, s := range list {
			name := "plan: " + of + s.Setting
			for _, form := range strings.Split(s.Kind, " or ") {
				for _, word := range strings.Split(form, " | ") {
					promise("%s takes %s", name, word)
				}
			}
			if !s.Required {
				promise("%s is optional", name)
			}
			if s.Default != nil {
				promise("%s is %v by default", name, s.Default)
			}
		}
	}
	for _, typ := range d.Types {
		settings(typ.Type+": ", typ.Settings)
		for _, o := range typ.Outputs {
			promise("plan: %s gives %s, %s", typ.Type, o.Output, o.Kind())
		}
	}
	for _, topic := range d.Topics {
		for _, p := range topic.Parts {
			settings(p.Part+".", p.Settings)
		}
	}
}

// A described value is what the schema of a document says of one.
type described struct {
	Ref        string                     `json:"$ref"`
	Type       string                     `json:"type"`
	Format     string                     `json:"format"`
	Enum       []string                   `json:"enum"`
	Items      *described                 `json:"items"`
	Required   []string                   `json:"required"`
	Properties map[string]json.RawMessage `json:"properties"`
}

func promiseDocument(t *testing.T, name string, promise func(string, ...any)) {
	t.Helper()
	text, err := schemas.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]described `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	for of, def := range schema.Defs {
		for field, raw := range def.Properties {
			var value described
			if err := json.Unmarshal(raw, &value); err != nil && string(raw) != "true" { // anything
				t.Fatal(err)
			}
			path := fmt.Sprintf("json: %s: %s.%s", name, of, field)
			form := value.Type + value.Format + value.Ref
			if value.Items != nil {
				form += " of " + value.Items.Type + value.Items.Ref
			}
			promise("%s is %s", path, cmp.Or(form, "anything"))
			if slices.Contains(def.Required, field) {
				promise("%s is always there", path)
			}
			for _, word := range value.Enum {
				promise("%s may be %s", path, word)
			}
		}
	}
}

func promiseCommands(commands []*cli.Command, parent string, promise func(string, ...any)) {
	for _, c := range commands {
		name := parent + " " + c.Name
		promise("command: %s", strings.TrimSpace(name+" "+c.ArgsUsage))
		for _, f := range c.Flags {
			doc, ok := f.(cli.DocGenerationFlag)
			for _, n := range f.Names() {
				promise("command: %s takes %s", name, commandline.Dashed(n))
				if ok && doc.TakesValue() {
					promise("command: %s takes a value of %s", name, commandline.Dashed(n))
				}
			}
		}
		promiseCommands(c.Subcommands, name, promise)
	}
}
