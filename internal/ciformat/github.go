package ciformat

import (
	"fmt"
	"strings"
	"unicode"
)

// The escapes of workflow commands ("Workflow commands for GitHub Actions", and the runner's
// ActionCommand): a message ends with its line, and a property with its comma.
var (
	escapeData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	escapeProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// Annotation gives the workflow command that shows a problem beside its line, such as
// "::error file=bayplan.yaml,line=3,col=5,title=diff::there is no ...".
func Annotation(p Problem) string {
	var properties []string
	add := func(name, value string) { properties = append(properties, name+"="+escapeProperty.Replace(value)) }
	if p.File != "" {
		add("file", p.File)
		if p.Line > 0 {
			add("line", fmt.Sprint(p.Line))
		}
		if p.Column > 0 {
			add("col", fmt.Sprint(p.Column))
		}
	}
	if p.Title != "" {
		add("title", p.Title)
	}
	command := string(p.Severity)
	if len(properties) > 0 {
		command += " " + strings.Join(properties, ",")
	}
	return "::" + command + "::" + escapeData.Replace(p.Text)
}

// Group gives the workflow command that begins a part of a log which can be folded.
func Group(title string) string { return "::group::" + escapeData.Replace(title) }

// EndGroup ends such a part.
const EndGroup = "::endgroup::"

// StopCommands gives the workflow command after which texts are no commands, until Resume
// with the same token, which nobody else can know.
func StopCommands(token string) string { return "::stop-commands::" + token }

// Resume ends what StopCommands began.
func Resume(token string) string { return "::" + token + "::" }

// Inert gives a text in which no line is a command for GitHub's runner: a dot stands in the way. A command
// is a line that begins with :: behind white space, or has ##[ in it
// (https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs).
func Inert(text string) string {
	text = strings.ReplaceAll(text, "##[", "##·[")
	if !strings.Contains(text, "::") {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if rest := strings.TrimLeftFunc(line, unicode.IsSpace); strings.HasPrefix(rest, "::") {
			lines[i] = line[:len(line)-len(rest)] + "·" + rest
		}
	}
	return strings.Join(lines, "")
}
