package commandline

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/bayplan/bayplan/cmd/internal/view"
	"github.com/bayplan/bayplan/internal/ciformat"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/redact"
)

// An Output is the only way to standard output or standard error. Text for people
// passes it line by line: secrets are masked, and what a terminal would obey or what
// cannot be seen is replaced. It remembers the first error, which exit reports.
type Output struct {
	name    string // for the error
	to      io.Writer
	secrets *redact.Redactor
	looks   looks
	shorter *strings.Replacer // of paths; nil: none is shorter

	mu      sync.Mutex // requests of a server that end at the same time write their lines
	partial []byte     // a line without its end
	err     error
}

// maxPartial is the length from which a line without an end is written in parts.
const maxPartial = 1 << 20

// Write writes the lines of text that are complete.
func (o *Output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.partial = append(o.partial, text...)
	end := bytes.LastIndexByte(o.partial, '\n') + 1
	if end == 0 && len(o.partial) > maxPartial {
		end = len(o.partial)
	}
	o.writeText(end)
	if o.err != nil {
		return 0, o.err
	}
	return len(text), nil
}

// writeText writes the first n bytes of partial.
func (o *Output) writeText(n int) {
	if n > 0 {
		o.writeRaw([]byte(o.clean(string(o.partial[:n]))))
		o.partial = append(o.partial[:0], o.partial[n:]...)
	}
}

// Shorten lets paths below a root appear without it, and those of a directory as relative
// to it.
func (o *Output) Shorten(root, dir string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shorter = strings.NewReplacer(root+dir+"/", "", root+"/", "/")
}

// cleanWhole is clean for a text that does not pass the output, but a file.
func (o *Output) cleanWhole(text string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.masked(text)
}

// masked masks secrets and what cannot be seen, and shortens paths. The caller holds the mutex.
func (o *Output) masked(text string) string {
	text = human.Clean(o.secrets.Text(text))
	if o.shorter != nil {
		text = o.shorter.Replace(text)
	}
	return text
}

// clean makes a text one that may be shown. None of its lines is a command for GitHub.
func (o *Output) clean(text string) string {
	text = ciformat.Inert(o.masked(text))
	if o.looks.ascii {
		text = asASCII.Replace(text)
	}
	return text
}

// asASCII replaces the signs that bayplan itself uses.
var asASCII = strings.NewReplacer("…", "...", "±", "+-", "·", ".")

// Paint writes lines, in colours if the output has them. On a terminal it breaks lines
// between words.
func (o *Output) Paint(spans ...view.Span) error {
	var b strings.Builder
	for _, s := range spans {
		s.Text = o.clean(s.Text)
		if !o.looks.color {
			s.Color = view.NoColor
		}
		b.WriteString(s.Sequence())
	}
	text := b.String()
	if o.looks.columns != nil {
		text = view.Wrap(text, o.looks.columns())
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writeText(len(o.partial))
	o.writeRaw([]byte(text))
	return o.err
}

func (o *Output) writeRaw(b []byte) {
	if o.err != nil {
		return
	}
	if _, err := o.to.Write(b); err != nil {
		o.err = fmt.Errorf("write to %s: %w", o.name, err)
	}
}

// flush writes a line without an end, and gives the first error of the output.
func (o *Output) flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writeText(len(o.partial))
	return o.err
}

// commands writes lines of bayplan that GitHub takes for commands.
func (o *Output) commands(lines ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writeText(len(o.partial))
	for _, line := range lines {
		o.writeRaw([]byte(o.masked(line) + "\n"))
	}
}

// machine gives the way for JSON. Secrets are masked in its texts; all other
// characters are escaped as JSON does it. Each Write must hold whole values.
func (o *Output) machine() io.Writer { return machineOutput{o} }

type machineOutput struct{ *Output }

// Write writes JSON.
func (m machineOutput) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writeText(len(m.partial))
	shown := m.secrets.JSON(b)
	if m.shorter != nil {
		shown = []byte(m.shorter.Replace(string(shown)))
	}
	m.writeRaw(human.EscapeHidden(shown))
	if m.err != nil {
		return 0, m.err
	}
	return len(b), nil
}

// drawing gives what draws on the terminal the terminal itself: it asks for its size,
// and its control sequences may not be cleaned. What it draws beside them are the
// checked ids of steps, and numbers.
func (o *Output) drawing() io.Writer { return o.to }
