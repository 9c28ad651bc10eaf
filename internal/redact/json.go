package redact

import "encoding/json"

// JSON masks the secrets in the texts of JSON documents, each by itself. Names,
// numbers and words stay as they are, so that the result is JSON of the same form.
func (r *Redactor) JSON(b []byte) []byte {
	var out []byte
	from := 0 // b[:from] is in out
	for i := 0; i < len(b); i++ {
		if b[i] != '"' {
			continue
		}
		end := literalEnd(b, i)
		if isName(b[end:]) {
			i = end - 1
			continue
		}
		var text string
		if json.Unmarshal(b[i:end], &text) == nil {
			if shown := r.Text(text); shown != text {
				literal, err := json.Marshal(shown)
				if err == nil {
					out = append(append(out, b[from:i]...), literal...)
					from = end
				}
			}
		}
		i = end - 1
	}
	if from == 0 {
		return b
	}
	return append(out, b[from:]...)
}

// literalEnd gives the end of the text that begins at b[i].
func literalEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// isName reports whether a colon follows.
func isName(b []byte) bool {
	for _, c := range b {
		if c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			continue
		}
		return c == ':'
	}
	return false
}
