package redact

import "strings"

// secretWords are in the names of values that are secret. A name with a word that is sure
// means nothing else.
var secretWords = [...]struct {
	word string
	sure bool
}{
	{"password", true},
	{"passphrase", true},
	{"token", true},
	{"secret", true},
	{"passcode", false},
	{"passwd", false},
	{"credential", false},
	{"apikey", false},
	{"authorization", false},
}

// secretNames are whole names of values that are secret, and last words of such names.
var secretNames = map[string]bool{"auth": true, "pass": true, "pwd": true, "jwt": true}

// separators stand between the words of a name. Every request of a transfer asks for
// its parameters, so that the replacer is built once.
var separators = strings.NewReplacer("-", "", "_", "", ".", "")

// SecretName reports whether a value of this name is secret: that of a key in a file, of a
// variable, or of a parameter of a URL.
func SecretName(name string) bool {
	name = strings.ToLower(name)
	if secretNames[name[strings.LastIndexAny(name, "-_.")+1:]] {
		return true
	}
	name = separators.Replace(name)
	for _, w := range secretWords {
		if strings.Contains(name, w.word) {
			return true
		}
	}
	return false
}

// SurelySecret reports whether a value of this name is secret beyond doubt, so that a file
// which others read may be refused because of it. To mask a value costs less than to refuse
// a file: SecretName knows more names.
func SurelySecret(name string) bool {
	name = strings.ToLower(name)
	for _, w := range secretWords {
		if w.sure && strings.Contains(name, w.word) {
			return true
		}
	}
	return name == "auth"
}

// PerhapsSecret reports whether a value of this name may be secret: a key is also one of
// cryptography.
func PerhapsSecret(name string) bool {
	name = strings.ToLower(name)
	return SecretName(name) || strings.HasSuffix(name, "_key") || strings.HasSuffix(name, "-key")
}
