package setting

import (
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

func TestOneOf(t *testing.T) {
	tests := []struct {
		name, got  string
		choices    []string
		want, hint string
	}{
		{"not set", "", []string{"rename", "replace"}, "", ""},
		{"one of them", "rename", []string{"rename", "replace"}, "", ""},
		{"none of them", "delete", []string{"rename", "replace"}, `"delete" is not one of rename, replace`, ""},
		{"an empty choice is not shown", "delete", []string{"", "rename", "replace"}, `"delete" is not one of rename, replace`, ""},
		{"nearly one of them", "raname", []string{"", "rename", "replace"}, `"raname" is not one of rename, replace`, "did you mean rename?"},
		{"one choice", "qcow2", []string{"", "raw"}, `"qcow2" is not raw`, ""},
		{"one choice, nearly", "rwa", []string{"", "raw"}, `"rwa" is not raw`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := OneOf(tt.got, tt.choices...)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != tt.want || fault.Hint(err) != tt.hint {
				t.Errorf("got %q, hint %q, want %q, %q", text, fault.Hint(err), tt.want, tt.hint)
			}
		})
	}
}
