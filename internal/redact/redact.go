// Package redact keeps secrets out of what a program writes. A Redactor learns
// each secret where the program reads it, and masks the secret and its encodings
// in every text on its way out. The package knows neither where secrets come from
// nor where texts go.
//
// A secret of six bytes or more is masked wherever it stands. One of four or five
// bytes is masked where it stands as a whole word, and in its encodings. A shorter
// one, and one that is a common word such as stack or true, is masked together with
// its user, as in the header of a login, and directly behind a name of a secret, as in
// password=stack: elsewhere it is not the secret, and would turn texts into marks.
package redact

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Mark stands in place of a secret.
const Mark = "[redacted]"

const (
	anywhere = 6   // bytes of a secret that is masked also inside a word
	asWord   = 4   // bytes of a secret that is masked as a whole word
	longest  = 512 // bytes of a secret whose encodings are kept in full
	needle   = 64  // bytes that are kept of the encodings of a longer one
)

// A Redactor knows secrets and masks them in texts. A nil Redactor knows none, and
// still masks the secret parts of URLs. Many goroutines may use it at once.
type Redactor struct {
	// Requests of all hosts learn secrets while steps and views write texts.
	mu     sync.RWMutex
	known  map[string]bool
	beside map[string]bool         // masked behind a name of a secret only
	forms  map[[asWord]byte][]form // by the first bytes, the longest first
	seals  sync.Map                // the keys that Sealed has derived, by salt and secret
}

// A form is a secret in one of its encodings.
type form struct {
	text  string
	word  bool // masked only as a whole word
	start bool // the text is the start of a longer form, which ends where its word ends
}

// New makes a Redactor that knows no secret.
func New() *Redactor {
	return &Redactor{known: map[string]bool{}, beside: map[string]bool{}, forms: map[[asWord]byte][]form{}}
}

// Add makes a secret known. Of a secret with several lines, each line is a secret,
// too: texts are written by lines.
func (r *Redactor) Add(secret string) {
	if r == nil || secret == "" || r.knows(secret) {
		return
	}
	var forms []form
	forms = append(forms, formsOf(secret)...)
	if strings.ContainsAny(secret, "\r\n") {
		for line := range strings.FieldsFuncSeq(secret, func(c rune) bool { return c == '\r' || c == '\n' }) {
			if line = strings.TrimSpace(line); len(line) >= anywhere {
				forms = append(forms, formsOf(line)...)
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[secret] = true
	if weak(secret) {
		r.beside[secret] = true
	}
	for _, f := range forms {
		r.keep(f)
	}
}

// AddLogin makes the password of a user known, also as the two stand together in a
// header.
func (r *Redactor) AddLogin(user, password string) {
	if r == nil || password == "" {
		return
	}
	r.Add(password)
	r.Add(user + ":" + password)
}

// AddURL makes the password and the secret parameters of a URL known.
func (r *Redactor) AddURL(u *url.URL) {
	if r == nil || u == nil {
		return
	}
	if password, ok := u.User.Password(); ok {
		r.AddLogin(u.User.Username(), password)
	}
	if u.RawQuery == "" {
		return
	}
	for name, values := range u.Query() {
		if !secretParameter(name) {
			continue
		}
		for _, v := range values {
			r.Add(v)
		}
	}
}

// secretHeaders are the headers that hold a secret and nothing else.
var secretHeaders = [...]string{"X-Auth-Token", "X-Subject-Token", "X-Service-Token", "Cookie"}

// AddHeader makes the secrets in the headers of a request or an answer known. The
// names are those of net/http.
func (r *Redactor) AddHeader(h map[string][]string) {
	if r == nil {
		return
	}
	for _, name := range secretHeaders {
		for _, v := range h[name] {
			r.Add(v)
		}
	}
	for _, name := range [...]string{"Authorization", "Proxy-Authorization"} {
		for _, v := range h[name] {
			_, proof, _ := strings.Cut(v, " ")
			r.Add(proof)
			login, err := base64.StdEncoding.DecodeString(proof)
			if user, password, ok := strings.Cut(string(login), ":"); err == nil && ok {
				r.AddLogin(user, password)
			}
		}
	}
}

func (r *Redactor) knows(secret string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.known[secret]
}

// keep adds a form to those that start like it.
func (r *Redactor) keep(f form) {
	if len(f.text) < asWord {
		return
	}
	key := [asWord]byte([]byte(f.text[:asWord]))
	bucket := r.forms[key]
	i, _ := slices.BinarySearchFunc(bucket, f, func(a, b form) int { return len(b.text) - len(a.text) })
	for j := i; j < len(bucket) && len(bucket[j].text) == len(f.text); j++ {
		if bucket[j].text == f.text {
			bucket[j].word = bucket[j].word && f.word
			return
		}
	}
	r.forms[key] = slices.Insert(bucket, i, f)
}

// Text masks the secrets in a text, and the secret parts of the URLs in it.
func (r *Redactor) Text(s string) string {
	if len(s) < asWord {
		return s
	}
	return maskURLs(r.mask(s))
}

// Error gives an error whose text is masked. It unwraps to err, so that errors.As
// finds what it found before. A nil err stays nil.
func (r *Redactor) Error(err error) error {
	if err == nil {
		return nil
	}
	return masked{err, r}
}

// masked masks at the time at which the text is asked for: it then knows most.
type masked struct {
	error
	by *Redactor
}

func (m masked) Error() string { return m.by.Text(m.error.Error()) }

func (m masked) Unwrap() error { return m.error }

// Mask masks a text as that of the error.
func (m masked) Mask(text string) string { return m.by.Text(text) }

// mask masks the known secrets in a text.
func (r *Redactor) mask(s string) string {
	if r == nil {
		return s
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.beside) > 0 {
		s = r.maskBeside(s)
	}
	if len(r.forms) == 0 {
		return s
	}
	return r.maskEscaped(replaceSpans(s, r.find(s)))
}

// find gives the places of the known secrets in a text.
func (r *Redactor) find(s string) (spans [][2]int) {
	for i := 0; i+asWord <= len(s); {
		if strings.HasPrefix(s[i:], Mark) {
			i += len(Mark) // a secret such as "redacted" must not mask a mark
			continue
		}
		n := r.match(s, i)
		if n == 0 {
			i++
			continue
		}
		spans = append(spans, [2]int{i, i + n})
		i += n
	}
	return spans
}

// match gives the length of the secret that begins at s[i:], 0 for none.
func (r *Redactor) match(s string, i int) int {
	rest := s[i:]
	for _, f := range r.forms[[asWord]byte([]byte(rest[:asWord]))] {
		switch {
		case strings.HasPrefix(rest, f.text):
			if f.word && (endsInWord(s[:i]) || beginsWithWord(rest[len(f.text):])) {
				continue
			}
			if f.start {
				return len(f.text) + wordLength(rest[len(f.text):])
			}
			return len(f.text)
		case !f.word:
			if n := cutForm(rest, f.text); n > 0 {
				return n
			}
		}
	}
	return 0
}

// cutForm gives the length of the part of a form that rest begins with, if the
// form was cut there: an ellipsis follows, or most of the form ends the line. It is
// 0 otherwise.
func cutForm(rest, form string) int {
	n := 0
	for n < len(rest) && n < len(form) && rest[n] == form[n] {
		n++
	}
	after := strings.TrimLeft(rest[n:], `"'`)
	switch {
	case strings.HasPrefix(after, "..."), strings.HasPrefix(after, "…"):
		return n
	case (after == "" || after[0] == '\n') && n >= anywhere && 4*n >= 3*len(form):
		return n
	}
	return 0
}

func endsInWord(s string) bool {
	c, _ := utf8.DecodeLastRuneInString(s)
	return s != "" && isWord(c)
}

func beginsWithWord(s string) bool {
	c, _ := utf8.DecodeRuneInString(s)
	return s != "" && isWord(c)
}

func isWord(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) || c == '_' }

// wordLength gives the length of the run of characters that encodings are made of.
func wordLength(s string) int {
	n := strings.IndexFunc(s, func(c rune) bool { return !isWord(c) && !strings.ContainsRune("+/=-%.", c) })
	if n < 0 {
		return len(s)
	}
	return n
}
