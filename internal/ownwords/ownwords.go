// Package ownwords reads what a server says is wrong, in its own words: registries, clouds, web
// servers and the proxies before them write it into the body of an answer with an error. The
// package knows no protocol, and cleans what it gives: it fits into one line of a message.
package ownwords

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

// Words are what a server says is wrong. Its texts fit into one line and hold no control
// characters.
type Words struct {
	Code   string // of the first error
	Text   string // codes and messages
	Detail string // what the first error says besides, mostly about one repository
}

const (
	// maxAnswerRead is how much of an answer's body is read for what it says.
	maxAnswerRead = 4096
	// maxSaid is the largest number of characters that are shown of a text.
	maxSaid = 300
	// maxSaidErrors is the number of errors of an answer that are shown.
	maxSaidErrors = 3
)

// Read reads what an answer says is wrong: nothing if its status is none of an error. The body
// can be read again.
func Read(resp *http.Response) Words {
	if resp.StatusCode < 400 || resp.Body == nil {
		return Words{}
	}
	head, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerRead))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
	if err != nil {
		return Words{}
	}
	return Parse(resp.StatusCode, resp.Header.Get("Content-Type"), head)
}

// Parse reads what the body of an answer with a status says. The type of its content may be "".
func Parse(code int, contentType string, body []byte) Words {
	s := parse(code, body, contentType)
	if saysStatus(code, s.Text) {
		s.Text = ""
	}
	return s
}

// saysStatus reports whether a text says what the status says.
func saysStatus(code int, text string) bool {
	status := http.StatusText(code)
	return slices.ContainsFunc([]string{status, fmt.Sprintf("%d %s", code, status), "404 page not found"}, func(same string) bool {
		return strings.EqualFold(strings.TrimSuffix(text, "."), same)
	})
}

// parse reads the forms in which registries and the servers before them explain
// an error: JSON as the distribution specification has it, JSON of other kinds, HTML
// and text.
func parse(code int, body []byte, contentType string) Words {
	var answer map[string]json.RawMessage
	if json.Unmarshal(body, &answer) == nil {
		if s := saidErrors(answer["errors"]); s.Text != "" {
			return s
		}
		return Words{Text: Clean(firstText(answer, "message", "error_description", "detail", "details", "error", "title"))}
	}
	text := string(body)
	kind, _, _ := mime.ParseMediaType(contentType)
	switch {
	case kind == "text/html", strings.HasPrefix(strings.TrimSpace(strings.ToLower(text)), "<!doctype html"), strings.HasPrefix(strings.TrimSpace(text), "<"):
		text = textOfHTML(code, text)
	case kind != "" && !strings.HasPrefix(kind, "text/") && kind != "application/json":
		return Words{}
	}
	return Words{Text: Clean(text)}
}

// saidErrors reads the list of errors of an answer. Its elements are objects, or
// texts.
func saidErrors(list json.RawMessage) Words {
	var all []json.RawMessage
	if json.Unmarshal(list, &all) != nil {
		return Words{}
	}
	var s Words
	var texts []string
	for _, raw := range all[:min(len(all), maxSaidErrors)] {
		var one map[string]json.RawMessage
		if json.Unmarshal(raw, &one) != nil {
			texts = append(texts, textOf(raw))
			continue
		}
		code, text := textOf(one["code"]), firstText(one, "message", "error")
		if len(texts) == 0 {
			s.Code, s.Detail = Clean(code), Clean(detailOf(one["detail"]))
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
	s.Text = Clean(strings.Join(texts, "; "))
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

// fewWords is how many words behind a status are too few for a sentence: nginx/1.18.0.
const fewWords = 2

// textOfHTML gives the title of a page, or else its text. A title that says what the status says
// tells nothing, and often there is a sentence below it.
func textOfHTML(code int, page string) string {
	title := ""
	if m := htmlTitle.FindStringSubmatch(page); m != nil {
		title = Clean(html.UnescapeString(m[1]))
	}
	if title != "" && !saysStatus(code, title) {
		return title
	}
	text := Clean(html.UnescapeString(htmlNoise.ReplaceAllString(page, " ")))
	if title == "" {
		return text
	}
	text = strings.TrimSpace(strings.TrimPrefix(text, title))
	if len(strings.Fields(text)) <= fewWords {
		return ""
	}
	return text
}

// Clean puts a text into one line of bounded length, without control characters and
// those that change the direction of what follows.
func Clean(text string) string {
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

// Quoted gives the words in brackets, to follow a text; "" where there are
// none.
func (s Words) Quoted() string {
	text := s.Text
	if s.Detail != "" && !strings.Contains(text, s.Detail) {
		text = strings.TrimPrefix(text+"; "+s.Detail, "; ")
	}
	if text == "" {
		return ""
	}
	return fmt.Sprintf(" (%q)", text)
}

// OfHost gives the words if they do not depend on a repository: an error of
// the whole host must read the same for all images.
func (s Words) OfHost(repository string) Words {
	if repository != "" && strings.Contains(s.Text, repository) {
		return Words{Code: s.Code}
	}
	return Words{Code: s.Code, Text: s.Text}
}
