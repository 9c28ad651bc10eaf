package prepare

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/runner"
)

// entryKey matches the key at the beginning of a line. The value is in the same line, or in
// the lines below that are indented more.
var entryKey = lazyregexp.New(`^[ \t-]*["']?([\w.-]+)["']?\s*:`)

// secretKey returns the beginning of a line up to the colon of its key, if the key is that
// of a secret.
func secretKey(line string) string {
	key := entryKey.FindStringSubmatch(line)
	if key == nil || !redact.SecretName(key[1]) {
		return ""
	}
	return key[0]
}

// keyOnly matches the part of a line below such a key that may be shown.
var keyOnly = lazyregexp.New(`^\s*[^\s{\[][^\s]*:(?:\s|$)`)

// hideSecrets masks the passwords in the text of an environment file before it is
// shown. The file may be one that a person has written.
func hideSecrets(text string) string {
	var b strings.Builder
	below := -1      // indentation of the secret's key, -1 outside of a secret
	mapping := false // below the key are registries and users
	for line := range strings.Lines(text) {
		body := strings.TrimRight(line, "\r\n")
		end := line[len(body):]
		indent := len(body) - len(strings.TrimLeft(body, " \t-"))
		switch key := secretKey(body); {
		case strings.TrimSpace(body) == "" && below >= 0:
		case below >= 0 && indent > below:
			shown := ""
			if mapping {
				shown = keyOnly.FindString(body)
			}
			body = mask(body, shown)
		case key != "":
			below, mapping = indent, strings.Contains(strings.ToLower(key), "credentials")
			body = mask(body, key)
		default:
			below = -1
		}
		b.WriteString(body + end)
	}
	return b.String()
}

// mask hides the rest of a line after the part that is shown.
func mask(line, shown string) string {
	if strings.TrimSpace(line[len(shown):]) == "" {
		return line
	}
	return strings.TrimRight(shown, " \t") + " ***"
}

// verifyWithoutSecrets verifies a file. Its error does not show secrets that a person
// has written into the file.
func verifyWithoutSecrets(f textFile, w runner.World) error {
	err := f.verify(w)
	if err == nil {
		return nil
	}
	if old, _, readErr := f.read(w); readErr == nil && hideSecrets(string(old)) != string(old) {
		return fmt.Errorf("verify %s: it is not as wanted, and it has passwords in it, so the difference is not shown", f.path)
	}
	return err
}
