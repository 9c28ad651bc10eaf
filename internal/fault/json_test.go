package fault_test

import (
	"encoding/json"
	"io"
	"testing"

	"github.com/bayplan/bayplan/internal/fault"
)

func TestJSON(t *testing.T) {
	for text, want := range map[string]string{
		"{}":                           "",
		"{\"a\": {\n  \"b\": 1,\n}}":   "f.json:3:1: it is not JSON: invalid character '}' looking for beginning of object key string",
		"":                             "f.json:1:1: it is not JSON: unexpected end of JSON input",
		"{\"a\": {\"x\": {\"b\": 7}}}": "f.json:1:19: a value of the wrong type (number) for \"b\"",
		"[]":                           "f.json:1:1: a value of the wrong type (array)",
	} {
		var v struct {
			A map[string]struct {
				B string `json:"b"`
			}
		}
		err := fault.JSON("f.json", []byte(text), json.Unmarshal([]byte(text), &v))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := fault.JSON("f", nil, io.EOF); got.Error() != "f: EOF" {
		t.Errorf("got %v", got)
	}
}
