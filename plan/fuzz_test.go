package plan_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
)

// anyConfig has a field of every kind that Decode supports.
type anyConfig struct {
	Paths    []plan.Path       `json:"paths"`
	Images   []string          `json:"images,omitempty"`
	Into     plan.Path         `json:"into,omitempty"`
	Archive  string            `json:"archive,omitempty"`
	Exact    bool              `json:"exact,omitempty"`
	Count    int8              `json:"count,omitempty"`
	Size     uint64            `json:"size,omitempty"`
	Wait     time.Duration     `json:"wait,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Password plan.Secret       `json:"password,omitzero"`
	Nested   *struct {
		Source string   `json:"source"`
		Lists  [][]bool `json:"lists,omitempty"`
	} `json:"nested,omitempty"`
}

// outputs returns a value for every reference; its kind depends on the length of the
// output's name.
func outputs(r plan.Ref) plan.Value {
	switch len(r.Output) % 3 {
	case 0:
		return plan.List("a", "b")
	case 1:
		return plan.Later("after upload")
	}
	return plan.Text("12")
}

// FuzzParse checks what holds for any file: Parse does not panic, parsing twice
// gives the same plan and mistakes, every mistake has a place in the file, and
// every body decodes.
func FuzzParse(f *testing.F) {
	for _, dir := range []string{"good", "bad"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, errs := plan.Parse("fuzz.yaml", raw, plan.Options{})
		_, again := plan.Parse("fuzz.yaml", raw, plan.Options{})
		if diff := cmp.Diff(shown(errs), shown(again)); diff != "" {
			t.Errorf("read twice, -first +second:\n%s", diff)
		}
		if p == nil && len(errs) == 0 {
			t.Error("neither a plan nor a mistake")
		}
		inside(t, raw, errs)
		if p == nil {
			return
		}
		for _, s := range p.Steps {
			inside(t, raw, decodeAll(s.With))
		}
		for _, c := range append(p.Registries, p.Clouds...) {
			inside(t, raw, decodeAll(c.Body))
		}
	})
}

func decodeAll(b plan.Body) plan.Errors {
	var c anyConfig
	errs := b.Decode(&c, nil)
	errs = append(errs, b.Decode(&c, outputs)...)
	for _, ref := range b.Refs() {
		errs = append(errs, b.Errorf(ref.Path, "here"))
	}
	return errs
}

// inside checks that every mistake stands in the file.
func inside(t *testing.T, raw []byte, errs plan.Errors) {
	t.Helper()
	text := strings.TrimPrefix(strings.ToValidUTF8(string(raw), "\ufffd"), "\ufeff")
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
	for _, e := range errs {
		if e.Pos.Line < 1 || e.Pos.Line > len(lines) || e.Pos.Col < 1 || e.Pos.Col > utf8.RuneCountInString(lines[e.Pos.Line-1])+1 {
			t.Errorf("%v stands outside of the file", e)
		}
		if e.Msg == "" || strings.Contains(e.Text(), "\n\n") && e.Source != "" && strings.TrimSpace(e.Source) != "" {
			t.Errorf("%q is not a mistake to show", e.Text())
		}
	}
}
