// Package jinja renders the templates that list a release's images. It knows
// as much of the template language as those need: variables, if and set,
// comments, and a few filters. It reads no files, and what it takes to render
// a template grows with the template only: there are no loops, macros and
// inclusions, and nothing that makes long texts out of short ones. It knows
// nothing of images.
package jinja

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
	"github.com/nikolalohinski/gonja/v2/parser"
)

// An Error is about a line of a template.
type Error struct {
	Line int // 0: it is not known which
	Text string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Text
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Text)
}

// name is what the template is called inside.
const name = "/template"

// Render renders a template. A variable that there is none of is an empty
// text. Its errors are of type *Error.
func Render(text string, variables map[string]any) (out string, err error) {
	defer func() {
		if r := recover(); r != nil { // the library's own mistakes are not bayplan's end
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
	template, err := exec.NewTemplate(name, settings, onlyThis{loader}, environment())
	if err != nil {
		return "", asError(err)
	}
	w := &limited{}
	if err := template.Execute(w, exec.NewContext(variables)); err != nil {
		return "", asError(err)
	}
	return w.b.String(), nil
}

// onlyThis gives the template itself and nothing else.
type onlyThis struct{ loaders.Loader }

// maxOutput is how long a rendered template can be.
const maxOutput = 1 << 20

// A limited writer keeps what is written, up to a limit.
type limited struct{ b strings.Builder }

func (w *limited) Write(p []byte) (int, error) {
	if w.b.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("it renders to more than %d MiB", maxOutput>>20)
	}
	return w.b.Write(p)
}

// asError strips off an error what repeats the template, and finds the line.
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
		return &Error{syntax.Line, inWords(text)}
	}
	line := 0
	if found := atLine.FindStringSubmatch(err.Error()); found != nil {
		line, _ = strconv.Atoi(found[1]) // 0, not known, when it is none
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return &Error{line, inWords(err.Error())}
}

// atLine finds the line in what the library says around an error.
var atLine = regexp.MustCompile(`at line (\d+)`)

var libraryWords = strings.NewReplacer("controlStructure", "statement", "ControlStructure", "statement")

// inWords puts what the library says into words of templates.
func inWords(text string) string {
	text = strings.TrimRight(libraryWords.Replace(text), ".")
	if text == "" {
		return "it is not understood"
	}
	return strings.ToLower(text[:1]) + text[1:]
}
