package plan

import (
	"fmt"
	"strings"
	"testing"
)

// numbered repeats a text n times and replaces %d by the count.
func numbered(text string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "%d", fmt.Sprint(i)))
	}
	return b.String()
}

// Aliases and variables can grow exponentially.
func TestExpansion(t *testing.T) {
	var aliases, variables strings.Builder
	aliases.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	variables.WriteString("apiVersion: bayplan/v1\nname: x\nsteps: {a: {type: mkdir}}\nvars:\n  v0: 0123456789\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&aliases, "a%d: &a%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10))
		fmt.Fprintf(&variables, "  v%d: %s\n", i, strings.Repeat(fmt.Sprintf("${vars.v%d}", i-1), 10))
	}
	_, errs := Parse("x.yaml", []byte(aliases.String()), Options{})
	if len(errs) != 1 || errs[0].Msg != "aliases make the file larger than 100000 values" {
		t.Errorf("got %v", errs)
	}
	text := strings.Replace(variables.String(), "v0: 0123456789", `v0: "0123456789"`, 1)
	_, errs = Parse("x.yaml", []byte(text), Options{})
	if len(errs) != 1 || errs[0].Msg != "with its variables replaced this is longer than 65536 bytes" {
		t.Errorf("got %v", errs)
	}
	long := "apiVersion: bayplan/v1\nname: x\nvars: { a: " + numbered("word%d ", 7000) + " }\nsteps: {a: {type: mkdir, with: {p: [" + strings.Repeat("\"${vars.a}\",", 1000) + "]}}}\n"
	_, errs = Parse("x.yaml", []byte(long), Options{})
	if len(errs) != 1 || errs[0].Msg != "with its variables replaced and its steps repeated the plan is larger than 33554432 bytes" {
		t.Errorf("got %v", errs)
	}
}

// The mistakes of a file that is full of them are limited.
func TestLargeManyMistakes(t *testing.T) {
	for name, text := range map[string]string{
		"unknown keys": numbered("k%d: v\n", 4000),
		"duplicates":   strings.Repeat("a: b\n", 4000),
		"secrets":      "connections: {clouds: {a: {b: {" + numbered("token%d: hunter%d,", 4000) + "}}}}",
		"references":   "steps: {a: {with: {b: [" + strings.Repeat("\"${x}\",", 9000) + "]}}}",
	} {
		t.Run(name, func(t *testing.T) {
			_, errs := Parse("x.yaml", []byte(text), Options{})
			if len(errs) < 100 && name != "duplicates" || len(errs) > 2*maxErrors {
				t.Errorf("%d mistakes", len(errs))
			}
			for _, e := range errs {
				if strings.Contains(e.Text(), "hunter") {
					t.Fatalf("a secret is shown: %s", e.Text())
				}
			}
		})
	}
}
