package review

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/bayplan/bayplan/cmd/internal/document"
)

// asWritten gives an error for the JSON of a saved diff that other programs may read in another
// way: one with a key that is repeated, that bayplan does not know, or that it knows in other
// letters.
func asWritten(text []byte, d document.Diff) error {
	got, err := readValue(json.NewDecoder(bytes.NewReader(text)))
	if err != nil {
		return err
	}
	again, err := document.MarshalIndent(d)
	if err != nil {
		return err
	}
	known, err := readValue(json.NewDecoder(bytes.NewReader(again)))
	if err != nil {
		return err
	}
	return unknownKey(got, known)
}

// readValue reads a value of JSON, with an error for a key that an object has twice.
func readValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := readValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		object := map[string]any{}
		for d.More() {
			t, err := d.Token()
			if err != nil {
				return nil, err
			}
			key, _ := t.(string)
			if _, twice := object[key]; twice {
				return nil, fmt.Errorf("it has the key %q twice", key)
			}
			if object[key], err = readValue(d); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return object, err
	}
	return t, nil
}

// unknownKey gives an error for a key that a value has and a known one does not.
func unknownKey(got, known any) error {
	switch got := got.(type) {
	case []any:
		known, _ := known.([]any)
		for i, v := range got {
			if i < len(known) {
				if err := unknownKey(v, known[i]); err != nil {
					return err
				}
			}
		}
	case map[string]any:
		known, _ := known.(map[string]any)
		for key, v := range got {
			k, is := known[key]
			if !is {
				return fmt.Errorf("it has the key %q, which is not known", key)
			}
			if err := unknownKey(v, k); err != nil {
				return err
			}
		}
	}
	return nil
}
