package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// formsOf gives a secret in all its encodings. Of a common word it leaves out those that
// look like it.
func formsOf(secret string) []form {
	if isCommon(secret) {
		return encodedForms(secret)
	}
	plain := map[string]bool{}
	for _, escape := range [...]func(string) string{
		func(s string) string { return s },
		jsonEscaped, jsonASCII, jsonOfPHP, quoted, quotedASCII, html.EscapeString, htmlNamed, htmlHex, oneLine,
		url.QueryEscape, url.PathEscape, func(s string) string { return (&url.URL{Path: s}).EscapedPath() },
	} {
		plain[escape(secret)] = true
	}
	for _, escaped := range [...]string{url.QueryEscape(secret), url.PathEscape(secret)} {
		plain[lowerPercent(escaped)] = true
	}
	for text := range maps.Clone(plain) { // what is quoted is quoted again, as in JSON within JSON
		plain[jsonEscaped(text)], plain[quoted(text)] = true, true
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
	percent := &strings.Builder{}
	for _, b := range []byte(secret) {
		fmt.Fprintf(percent, "%%%02X", b)
	}
	digits := hex.EncodeToString([]byte(secret))
	all := []string{digits, strings.ToUpper(digits), percent.String(), strings.ToLower(percent.String())}
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

// jsonEscaped gives a text as it stands in JSON.
func jsonEscaped(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return s
	}
	return string(b[1 : len(b)-1])
}

// jsonASCII gives a text as it stands in JSON that escapes all but ASCII and leaves
// < > & as they are, which Python writes.
func jsonASCII(s string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(asJSON.Replace(jsonEscaped(s)))) {
		if unit < utf8.RuneSelf {
			b.WriteByte(byte(unit))
			continue
		}
		fmt.Fprintf(&b, "\\u%04x", unit)
	}
	return b.String()
}

// asJSON takes back what Go alone escapes.
var asJSON = strings.NewReplacer("\\u003c", "<", "\\u003e", ">", "\\u0026", "&")

// jsonOfPHP escapes slashes, too.
func jsonOfPHP(s string) string { return strings.ReplaceAll(jsonASCII(s), "/", "\\/") }

// htmlNamed gives a text as it stands in HTML with names for quotation marks, as PHP
// and Java write it.
func htmlNamed(s string) string {
	return strings.ReplaceAll(html.EscapeString(s), "&#34;", "&quot;")
}

// htmlHex gives a text as it stands in HTML that Python writes.
func htmlHex(s string) string { return strings.ReplaceAll(htmlNamed(s), "&#39;", "&#x27;") }

// quoted gives a text as %q shows it.
func quoted(s string) string {
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

func quotedASCII(s string) string {
	q := strconv.QuoteToASCII(s)
	return q[1 : len(q)-1]
}

// oneLine gives a text with its white space collapsed, as errors show the bodies of
// answers.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// lowerPercent writes the digits after % in lower case, as some servers do.
func lowerPercent(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}
