package prepare

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/bayplan/bayplan/runner"
)

// secretKey matches a line whose key is that of a secret. What the key stands
// for is in the same line, or in the lines below that are indented more.
var secretKey = regexp.MustCompile(`(?i)^([ \t-]*)["']?[\w-]*(?:password|passphrase|secret|token|credentials)["']?\s*:`)

// keyOnly matches what may be shown of a line below such a key.
var keyOnly = regexp.MustCompile(`^\s*[^\s{\[][^\s]*:(?:\s|$)`)

// hideSecrets masks the passwords in an environment file that somebody wrote,
// before what it holds is shown.
func hideSecrets(text string) string {
	var b strings.Builder
	below := -1      // indentation of the secret's key, -1: none
	mapping := false // what is below it are registries and users
	for line := range strings.Lines(text) {
		body := strings.TrimRight(line, "\r\n")
		end := line[len(body):]
		indent := len(body) - len(strings.TrimLeft(body, " \t-"))
		switch key := secretKey.FindString(body); {
		case strings.TrimSpace(body) == "" && below >= 0:
		case below >= 0 && indent > below:
			shown := ""
			if mapping {
				shown = keyOnly.FindString(body)
			}
			body = masked(body, shown)
		case key != "":
			below, mapping = indent, strings.Contains(strings.ToLower(key), "credentials")
			body = masked(body, key)
		default:
			below = -1
		}
		b.WriteString(body + end)
	}
	return b.String()
}

// masked hides what follows in a line after the part that is shown.
func masked(line, shown string) string {
	if strings.TrimSpace(line[len(shown):]) == "" {
		return line
	}
	return strings.TrimRight(shown, " \t") + " ***"
}

// verifyHiding verifies a file without repeating secrets that somebody has
// written into it.
func verifyHiding(f textFile, w runner.World) error {
	err := f.verify(w)
	if err == nil {
		return nil
	}
	if old, _, readErr := f.read(w); readErr == nil && hideSecrets(string(old)) != string(old) {
		return fmt.Errorf("verify %s: it is not as wanted, and holds passwords, so what differs is not shown", f.path)
	}
	return err
}
