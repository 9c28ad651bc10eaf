package redact

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
)

// formsOf gives a secret in its encodings, but for those that maskEscaped undoes. Of a common
// word it leaves out those that look like it.
func formsOf(secret string) []form {
	if isCommon(secret) {
		return encodedForms(secret)
	}
	plain := map[string]bool{
		secret: true, oneLine(secret): true,
		url.QueryEscape(secret): true, // a space is a plus sign
		string([]rune(secret)):  true, // what is no UTF-8, as JSON writes it
	}
	var all []form
	for text := range plain {
		switch {
		case len(text) >= anywhere && len(secret) >= asWord:
			all = append(all, form{text: text, word: len(secret) < anywhere})
		case len(text) >= asWord:
			all = append(all, form{text: text, word: true})
		}
	}
	return append(all, encodedForms(secret)...)
}

// encodedForms gives the encodings of a secret that no longer look like it. A very short
// one has none that say much.
func encodedForms(secret string) []form {
	if len(secret) < asWord {
		return nil
	}
	var all []form
	for _, text := range encoded(secret) {
		f := form{text: text}
		if len(secret) > longest {
			f.text, f.start = text[:needle], true
		}
		all = append(all, f)
	}
	return all
}

// encoded gives the encodings that no longer look like the secret.
func encoded(secret string) []string {
	digits := hex.EncodeToString([]byte(secret))
	all := []string{digits, strings.ToUpper(digits)}
	for _, enc := range [...]*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		all = append(all, enc.EncodeToString([]byte(secret)), strings.TrimRight(enc.EncodeToString([]byte(secret)), "="))
		all = append(all, insideBase64(enc, secret)...)
	}
	return all
}

// leastInside is the least length of the part of an encoding that identifies a
// secret.
const leastInside = 8

// insideBase64 gives what of a secret stands in every base64 text that encodes the
// secret together with something else, such as its user: the characters that depend
// on the secret alone, for each of the three places where it can begin.
func insideBase64(enc *base64.Encoding, secret string) []string {
	var all []string
	for before := range 3 {
		text := enc.WithPadding(base64.NoPadding).EncodeToString([]byte(strings.Repeat("\x00", before) + secret))
		first := (before*8 + 5) / 6            // the characters before it depend on what is before the secret
		last := (before + len(secret)) * 8 / 6 // the characters from it on depend on what follows the secret
		if last-first >= leastInside {
			all = append(all, text[first:last])
		}
	}
	return all
}

// oneLine gives a text with its white space collapsed, as errors show the bodies of
// answers.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
