package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// A said is what a registry says is wrong, in its own words. Its texts fit into one
// line and hold no control characters.
type said struct {
	code   string // of the first error
	text   string // codes and messages
	detail string // what the first error says besides, mostly about one repository
}

const (
	// maxAnswerRead is how much of an answer's body is read for what it says.
	maxAnswerRead = 4096
	// maxSaid is the largest number of characters that are shown of a text.
	maxSaid = 300
	// maxSaidErrors is the number of errors of an answer that are shown.
	maxSaidErrors = 3
)

// readSaid reads what an answer says is wrong. The body can be read again.
func readSaid(resp *http.Response) said {
	if resp.StatusCode < 400 || resp.Body == nil {
		return said{}
	}
	head, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerRead))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
	if err != nil {
		return said{}
	}
	s := parseSaid(head, resp.Header.Get("Content-Type"))
	status := http.StatusText(resp.StatusCode)
	for _, same := range []string{status, fmt.Sprintf("%d %s", resp.StatusCode, status), "404 page not found"} {
		if strings.EqualFold(strings.TrimSuffix(s.text, "."), same) {
			s.text = "" // it says what the status says
		}
	}
	return s
}

// parseSaid reads the forms in which registries and the servers before them explain
// an error: JSON as the distribution specification has it, JSON of other kinds, HTML
// and text.
func parseSaid(body []byte, contentType string) said {
	var answer map[string]json.RawMessage
	if json.Unmarshal(body, &answer) == nil {
		if s := saidErrors(answer["errors"]); s.text != "" {
			return s
		}
		return said{text: clean(firstText(answer, "message", "error_description", "detail", "details", "error", "title"))}
	}
	text := string(body)
	kind, _, _ := mime.ParseMediaType(contentType)
	switch {
	case kind == "text/html", strings.HasPrefix(strings.TrimSpace(strings.ToLower(text)), "<!doctype html"), strings.HasPrefix(strings.TrimSpace(text), "<"):
		text = textOfHTML(text)
	case kind != "" && !strings.HasPrefix(kind, "text/") && kind != "application/json":
		return said{}
	}
	return said{text: clean(text)}
}

// saidErrors reads the list of errors of an answer. Its elements are objects, or
// texts.
func saidErrors(list json.RawMessage) said {
	var all []json.RawMessage
	if json.Unmarshal(list, &all) != nil {
		return said{}
	}
	var s said
	var texts []string
	for _, raw := range all[:min(len(all), maxSaidErrors)] {
		var one map[string]json.RawMessage
		if json.Unmarshal(raw, &one) != nil {
			texts = append(texts, textOf(raw))
			continue
		}
		code, text := textOf(one["code"]), firstText(one, "message", "error")
		if len(texts) == 0 {
			s.code, s.detail = clean(code), clean(detailOf(one["detail"]))
		}
		switch {
		case code != "" && text != "":
			text = code + ": " + text
		case text == "":
			text = code
		}
		if text != "" {
			texts = append(texts, text)
		}
	}
	s.text = clean(strings.Join(texts, "; "))
	return s
}

// firstText gives the first of the keys that has a text.
func firstText(object map[string]json.RawMessage, keys ...string) string {
	for _, key := range keys {
		if text := textOf(object[key]); text != "" {
			return text
		}
	}
	return ""
}

// detailOf writes a detail, which may be any JSON, without its brackets and quotes.
func detailOf(raw json.RawMessage) string {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return ""
	}
	return plainText(value)
}

func plainText(value any) string {
	var parts []string
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	case []any:
		for _, v := range value {
			parts = append(parts, plainText(v))
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if text := plainText(value[key]); text != "" {
				parts = append(parts, key+": "+text)
			}
		}
	default:
		return fmt.Sprint(value)
	}
	return strings.Join(parts, ", ")
}

// textOf gives a text as it is, other values as JSON, and nothing for empty ones.
func textOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	switch s := string(raw); s {
	case "{}", "[]", "null":
		return ""
	default:
		return s
	}
}

var (
	htmlTitle = lazyregexp.New(`(?is)<title[^>]*>(.*?)</title>`)
	htmlNoise = lazyregexp.New(`(?is)<(script|style|head)\b.*?</(script|style|head)>|<[^>]*>`)
)

// textOfHTML gives the title of a page, or else its text.
func textOfHTML(page string) string {
	if m := htmlTitle.FindStringSubmatch(page); m != nil && strings.TrimSpace(m[1]) != "" {
		return html.UnescapeString(m[1])
	}
	return html.UnescapeString(htmlNoise.ReplaceAllString(page, " "))
}

// clean puts a text into one line of bounded length, without control characters and
// those that change the direction of what follows.
func clean(text string) string {
	text = strings.ToValidUTF8(text, "?")
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxSaid {
		text = string(runes[:maxSaid]) + "..."
	}
	return text
}

// quoted gives what a registry says in brackets, to follow a text; "" where it says
// nothing.
func (s said) quoted() string {
	text := s.text
	if s.detail != "" && !strings.Contains(text, s.detail) {
		text = strings.TrimPrefix(text+"; "+s.detail, "; ")
	}
	if text == "" {
		return ""
	}
	return fmt.Sprintf(" (%q)", text)
}

// ofHost is what a registry says if that does not depend on a repository: an error of
// the whole host must read the same for all images.
func (s said) ofHost(repository string) said {
	if repository != "" && strings.Contains(s.text, repository) {
		return said{code: s.code}
	}
	return said{code: s.code, text: s.text}
}
