package jinja_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/tripleo/jinja"
)

func TestRender(t *testing.T) {
	variables := map[string]any{"tag": "16.10", "yes": true, "no": false, "driver": "ovn", "empty": ""}
	tests := []struct{ name, text, want string }{
		{"text", "a: b\n", "a: b\n"},
		{"a variable", `"{{tag}}"`, `"16.10"`},
		{"spaces in the braces", "{{ tag }}", "16.10"},
		{"undefined is empty", "<{{ nothing }}>", "<>"},
		{"equality", `{% if driver == "ovn" %}1{% elif driver == 'odl' %}2{% else %}3{% endif %}`, "1"},
		{"another one", `{% if driver == "odl" %}1{% elif driver != 'odl' %}2{% else %}3{% endif %}`, "2"},
		{"else", `{% if driver == "odl" %}1{% elif driver == "x" %}2{% else %}3{% endif %}`, "3"},
		{"not", "{% if not no %}1{% endif %}{% if not yes %}2{% endif %}", "1"},
		{"undefined is false", "{% if nothing %}1{% else %}2{% endif %}", "2"},
		{"empty is false", "{% if empty %}1{% else %}2{% endif %}", "2"},
		{"defined", "{% if nothing is defined %}1{% endif %}{% if tag is defined %}2{% endif %}{% if empty is defined %}3{% endif %}", "23"},
		{"not defined", "{% if nothing is not defined or nothing %}1{% endif %}", "1"},
		{"undefined", "{% if nothing is undefined %}1{% endif %}", "1"},
		{"and, or", "{% if yes and not no or no %}1{% endif %}", "1"},
		{"in", `{% if driver in ["odl", "ovn"] %}1{% endif %}{% if "6.1" in tag %}2{% endif %}`, "12"},
		{"inline if", `{{ "a" if yes else "b" }}{{ "a" if no else "b" }}`, "ab"},
		{"default", `{{ nothing | default("x") }}{{ tag|default("x") }}{{ empty|default("y", true) }}`, "x16.10y"},
		{"filters", `{{ driver|upper }}{{ "X"|lower }}{{ driver|replace("o", "0") }}`, "OVNx0vn"},
		{"concatenation", `{{ driver ~ "-" ~ tag }}`, "ovn-16.10"},
		{"methods", `{% if tag.startswith("16") %}1{% endif %}`, "1"},
		{"set", `{% set x = "y" %}{{ x }}{% if yes %}{% set x = "z" %}{% endif %}{{ x }}`, "yz"},
		{"comments", "a{# {{ nothing }} {% x %} #}b", "ab"},
		{"raw", "{% raw %}{{ x }}{% endraw %}", "{{ x }}"},
		{"trimming", "a \n {%- if yes -%} \n b \n {%- endif %}\nc", "ab\nc"},
		{"a block's line stays", "a\n{% if yes %}\nb\n{% endif %}\nc\n", "a\n\nb\n\nc\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := jinja.Render(tt.text, variables)
			if err != nil || got != tt.want {
				t.Errorf("rendered %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hidden"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, text string
		line       int
		want       string
	}{
		{"include", fmt.Sprintf("\n{%% include %q %%}", secret), 2, `the statement "include" is not supported`},
		{"import", fmt.Sprintf("{%% import %q as x %%}", secret), 1, `"import" is not supported`},
		{"from", fmt.Sprintf("{%% from %q import x %%}", secret), 1, `"from" is not supported`},
		{"extends", fmt.Sprintf("{%% extends %q %%}", secret), 1, `"extends" is not supported`},
		{"a loop", "a\nb\n{% for x in [1] %}{{ x }}{% endfor %}", 3, `"for" is not supported in a list of images; there are if, set and raw`},
		{"a macro", "{% macro m() %}{% endmacro %}", 1, `"macro" is not supported`},
		{"an unknown statement", "\n{% fi x %}", 2, "statement 'fi' not found"},
		{"a filter that is not there", "\n{{ 'a'|center(1000000000) }}", 2, `the filter "center" is not supported in a list of images; there are d, default`},
		{"a function that is not there", "\n{{ range(1000000000) }}", 2, "range is not callable"},
		{"a method that is not there", "\n{{ 'a'.ljust(1000000000) }}", 2, "ljust"},
		{"multiplication", "\n\n{{ 'a' * 1000000000 }}", 3, "the operator * is not supported"},
		{"power", "{{ 10 ** 10 ** 10 }}", 1, "the operator ** is not supported"},
		{"formatting", "{{ '%1000000000d' % 1 }}", 1, "the operator % is not supported"},
		{"doubling", "{% set a = '" + strings.Repeat("x", 100) + "' %}" + strings.Repeat("{% set a = a ~ a %}", 60), 0, "a text of more than 4096 characters"},
		{"doubling a list", "{% set a = ['x'] %}" + strings.Repeat("{% set a = [a, a] %}", 60), 0, "a single value is wanted"},
		{"doubling an attribute", "{% set a = {} %}{% set a.b = 'x' %}", 1, "set takes one name"},
		{"a block for a value", "{% set a %}x{% endset %}", 1, "set takes one name"},
		{"replacing on and on", "{{ 'aaaaaaaaaa'" + strings.Repeat("|replace('a', 'aaaaaaaaaa')", 10) + " }}", 0, "a text of more than 4096 characters"},
		{"a long text", "{{ '" + strings.Repeat("x", 5000) + "' }}", 1, "a text of more than 4096 characters"},
		{"brackets", "{{ " + strings.Repeat("(", 60) + strings.Repeat(")", 60) + " }}", 1, "nested more than 50 deep"},
		{"a long expression", "{{ " + strings.Repeat("not ", 500) + "x }}", 1, "more than 200 words and signs"},
		{"ifs", strings.Repeat("{% if x %}", 60) + strings.Repeat("{% endif %}", 60), 1, "if is nested more than 50 deep"},
		{"many tags", strings.Repeat("{{ x }}", 20_000), 1, "more than 10000"},
		{"much output", "{% set a = '" + strings.Repeat("x", 4000) + "' %}" + strings.Repeat("{{ a }}", 500), 0, "renders to more than 1 MiB"},
		{"an undefined one's attribute", "\n{{ nothing.at.all }}", 2, "nothing.at"},
		{"else with a condition", "\n{% if x %}{% else if %}{% endif %}", 2, "arguments not allowed here"},
		{"an assignment for a comparison", "\n{% if a = b %}{% endif %}", 2, "if-condition is malformed"},
		{"a comment that stays open", "a\n{# b", 0, "unclosed comment"},
		{"no end", "\n{% if x %}", 2, "expected tag elif or else or endif"},
		{"an end too many", "\n{% endif %}", 2, "endif"},
		{"braces that stay open", "a\n{{ x", 0, ""},
		{"nothing in braces", "{{ }}", 0, ""},
		{"a string that stays open", "\n\n{{ 'x }}", 3, "is a quote missing?"},
		{"half an expression", "\n{{ x == }}", 2, "expected"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			out, err := jinja.Render(tt.text, map[string]any{})
			var e *jinja.Error
			if !errors.As(err, &e) || out != "" {
				t.Fatalf("rendered %.40q, error %v", out, err)
			}
			if !strings.Contains(e.Error(), tt.want) || (tt.line > 0 && e.Line != tt.line) {
				t.Errorf("error = line %d: %v", e.Line, err)
			}
			if strings.Contains(err.Error(), "hidden") || len(err.Error()) > 300 || strings.Contains(err.Error(), "\n") {
				t.Errorf("error = %.400v", err)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// Whatever the template, rendering ends, with a result or an error of a line.
func FuzzRender(f *testing.F) {
	for _, seed := range []string{"", "{{", "{{ a.b['c'](d) | e }}", "{% if a %}{% elif b %}{% else %}{% endif %}", "{% set a = [1, {'b': (2, 3)}] %}", "{# #}", "{%- raw -%}{%- endraw -%}", "{{ self }}", "{{ a if b }}", "{% set x = -1 // 0 %}{{ x / 0 }}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := jinja.Render(text, map[string]any{"a": "x", "b": true})
		var e *jinja.Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("error %T: %v", err, err)
		}
	})
}
