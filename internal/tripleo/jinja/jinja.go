// Package jinja renders the templates that list a release's images. It supports
// only the parts of the template language that these use: variables, if and set,
// comments, and a few filters. It reads no files. The time and memory to render a
// template are proportional to its length: there are no loops, macros or includes,
// and nothing that makes long texts out of short ones. The package does not know
// images.
package jinja

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
	"github.com/nikolalohinski/gonja/v2/parser"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// An Error is about a line of a template.
type Error struct {
	Line int // 0: unknown
	Text string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Text
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Text)
}

// name is the name of the template in the library.
const name = "/template"

// Render renders a template. A missing variable is an empty text. The errors are
// of type *Error.
func Render(text string, variables map[string]any) (out string, err error) {
	defer func() {
		if r := recover(); r != nil { // a bug of the library must not end bayplan
			out, err = "", &Error{Text: fmt.Sprintf("the template cannot be rendered: %v", r)}
		}
	}()
	settings := config.New()
	settings.KeepTrailingNewline = true
	if err := check(text, settings); err != nil {
		return "", err
	}
	loader, err := loaders.NewMemoryLoader(map[string]string{name: text})
	if err != nil {
		return "", &Error{Text: err.Error()}
	}
	template, err := exec.NewTemplate(name, settings, loader, environment())
	if err != nil {
		return "", asError(err)
	}
	w := &limitedWriter{}
	if err := template.Execute(w, exec.NewContext(variables)); err != nil {
		return "", asError(err)
	}
	return w.b.String(), nil
}

// maxOutput is the largest size of a rendered template.
const maxOutput = 1 << 20

// A limitedWriter keeps up to maxOutput bytes; more are an error.
type limitedWriter struct{ b strings.Builder }

func (w *limitedWriter) Write(p []byte) (int, error) {
	if w.b.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("it renders to more than %d MiB", maxOutput>>20)
	}
	return w.b.Write(p)
}

// asError removes the copy of the template from an error, and finds its line.
func asError(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var syntax *parser.SyntaxError
	if errors.As(err, &syntax) {
		text := syntax.Message
		if near := strings.TrimSpace(syntax.Raw); near != "" && len(near) < 40 {
			text = strings.TrimRight(text, ".") + fmt.Sprintf(", near %q", near)
		}
		return &Error{syntax.Line, plainWords(text)}
	}
	line := 0
	if found := linePattern.FindStringSubmatch(err.Error()); found != nil {
		line, _ = strconv.Atoi(found[1]) // 0, unknown, on an error
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return &Error{line, plainWords(err.Error())}
}

// linePattern finds the line in an error of the library.
var linePattern = lazyregexp.New(`at line (\d+)`)

var libraryWords = strings.NewReplacer("controlStructure", "statement", "ControlStructure", "statement")

// plainWords replaces the library's terms in an error by those of templates.
func plainWords(text string) string {
	text = strings.TrimRight(libraryWords.Replace(text), ".")
	if text == "" {
		return "it is not understood"
	}
	return strings.ToLower(text[:1]) + text[1:]
}
