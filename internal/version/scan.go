package version

import (
	"slices"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

var (
	leadingV   = lazyregexp.New(`^[vV]([0-9])`)
	leadEpoch  = lazyregexp.New(`^([0-9]+)!([0-9].*)$`)
	leadDigits = lazyregexp.New(`^[0-9]+(?:\.[0-9]+)*`)
	isoDay     = lazyregexp.New(`^([0-9]{4})-([0-9]{2})-([0-9]{2})([^0-9].*)?$`)
	compactDay = lazyregexp.New(`^([0-9]{8})([0-9]{2}|[0-9]{4}|[0-9]{6})?$`)
	hexDigits  = lazyregexp.New(`^[0-9A-Fa-f]{7,64}$`)
	// b20240131 is a beta, though it is hexadecimal.
	letterNumber = lazyregexp.New(`^[A-Ca-c][0-9]+$`)
	patchLetter  = lazyregexp.New(`^z?[a-z]$`)
)

// separators stand between the parts of a version.
const separators = ".-_+~"

// isCommitID reports whether a text is an id of a commit: at least 7 hexadecimal
// characters with a letter among them.
func isCommitID(s string) bool {
	return hexDigits.MatchString(s) && strings.ContainsAny(s, "abcdefABCDEF")
}

// read reads a version that begins with a digit. It reports false for other text.
func (v *Version) read(s string) bool {
	if m := leadEpoch.FindStringSubmatch(s); m != nil {
		v.epoch, s = m[1], m[2]
	}
	if m := isoDay.FindStringSubmatch(s); m != nil && isDay(m[1]+m[2]+m[3]) {
		s = m[1] + m[2] + m[3] + m[4]
	}
	release := leadDigits.FindString(s)
	if release == "" {
		return false
	}
	v.class, v.release = Number, strings.Split(release, ".")
	if m := compactDay.FindStringSubmatch(v.release[0]); m != nil && isDay(m[1]) {
		v.class = Date
		if m[2] != "" { // as hours, minutes, seconds
			v.release = append([]string{m[1], (m[2] + "000000")[:6]}, v.release[1:]...)
		}
	}
	for n := len(v.release); n > 1 && strings.Trim(v.release[n-1], "0") == ""; n-- {
		v.release = v.release[:n-1]
	}
	v.suffix = scan(s[len(release):], strings.Count(release, ".")+1)
	return true
}

// isDay reports whether 8 digits are a day.
func isDay(s string) bool {
	day, err := time.Parse("20060102", s)
	return err == nil && day.Year() >= 1900 && day.Year() < 2200
}

// A scanner makes tokens of what follows the release.
type scanner struct {
	rest    string
	numbers int // of the release
	tokens  []token
	build   []token // numbers of a build that a pre-release has
	open    bool    // the last token is a word that may have a number
	pre     bool    // the last word is one for a pre-release
}

func scan(s string, numbers int) []token {
	sc := &scanner{rest: s, numbers: numbers}
	for sc.rest != "" {
		sc.next()
	}
	sc.closeWord()
	return append(append(sc.tokens, sc.build...), token{rank: rankEnd})
}

// next takes the separators and the word or number behind them.
func (s *scanner) next() {
	sep := s.take(func(c byte) bool { return strings.IndexByte(separators, c) >= 0 })
	segment, _, _ := strings.Cut(s.rest, "-")
	word := s.rest[:span(s.rest, isLetter)]
	switch {
	case strings.Contains(sep, "+"):
		s.local()
	case strings.Contains(sep, "~"):
		for range strings.Count(sep, "~") {
			s.push(token{rank: rankTilde})
		}
	case s.rest == "":
	case word == "":
		s.number(sep)
	case sep != "" && isCommitID(strings.TrimPrefix(segment, "g")) && !letterNumber.MatchString(segment):
		s.rest = s.rest[len(segment):]
		s.push(token{rank: rankVariant, text: strings.ToLower(segment)})
	default:
		s.word(sep, word)
	}
}

// number takes digits. Behind a hyphen, digits are a build unless they belong to
// a word.
func (s *scanner) number(sep string) {
	segment, _, _ := strings.Cut(s.rest, "-")
	if sep != "" && isCommitID(segment) {
		s.rest = s.rest[len(segment):]
		s.push(token{rank: rankVariant, text: strings.ToLower(segment)})
		return
	}
	isBuild := strings.HasSuffix(sep, "-")
	if sep == "_" && !s.open {
		if isBuild = preBehind(s.rest); !isBuild {
			s.local()
			return
		}
	}
	if isBuild && !s.open {
		s.push(token{rank: rankPost})
	}
	s.open = false
	s.tokens = append(s.tokens, token{rank: rankNumber, text: s.take(isDigit)})
}

// word takes letters.
func (s *scanner) word(sep, word string) {
	after := s.rest[len(word):]
	t, ok := known(word, after != "" && (isDigit(after[0]) || len(after) > 1 && after[0] == '.' && isDigit(after[1])))
	switch {
	case sep == "" && s.isPatch(word, after):
		t = token{rank: rankWord, text: strings.ToLower(word)}
	case sep == "-" && s.isJavaBuild(word, after):
		t = token{rank: rankPost}
	case !ok && sep == "_" && !preBehind(after):
		s.local()
		return
	case !ok && sep == "." && s.pre, ok && s.pre && t.rank == rankPre:
		// As in semantic versions: alpha.1 < alpha.beta.
		t, s.open = token{rank: rankNext, text: strings.ToLower(word)}, false
	case !ok && (strings.HasSuffix(sep, "-") || sep == "_" || len(s.tokens) == 0 && len(word) > 1):
		t = token{rank: rankVariant, text: strings.ToLower(word)}
	case !ok:
		t = token{rank: rankWord, text: strings.ToLower(word)}
	}
	s.rest = after
	if t.rank == rankEnd {
		return
	}
	if t.rank == rankPre || t.rank == rankDev && !strings.EqualFold(word, "dev") { // 1.0-0.dev1 is 1.0.post0.dev1 in PEP 440
		s.moveBuild()
	}
	s.push(t)
}

// isPatch reports whether a word right behind the release is the letter of a patch, as
// OpenSSL counts them: 1.1.1a, 1.0.2z, 1.0.2za-alpine, 1.1.1b-1. Behind two numbers, or with
// anything else behind it, a letter has the meaning of PEP 440: 1.0a and 1.0.0b2 are
// pre-releases.
func (s *scanner) isPatch(word, after string) bool {
	if len(s.tokens) > 0 || s.numbers < 3 || !patchLetter.MatchString(word) {
		return false
	}
	behind, ok := strings.CutPrefix(after, "-")
	if !ok || behind == "" {
		return after == ""
	}
	_, hasMeaning := known(behind[:span(behind, isLetter)], true)
	return !hasMeaning
}

// isJavaBuild reports whether a word is the b of a build behind an update of Java: 8u402-b06.
// Elsewhere it is a beta.
func (s *scanner) isJavaBuild(word, after string) bool {
	return len(s.tokens) == 2 && s.tokens[0] == token{rank: rankWord, text: "u"} && s.tokens[1].rank == rankNumber &&
		word == "b" && after != "" && isDigit(after[0])
}

// preBehind reports whether a word for a pre-release comes behind a hyphen: what stands
// before it is then a build, and no local version.
func preBehind(s string) bool {
	for _, segment := range strings.Split(s, "-")[1:] {
		if t, ok := known(segment[:span(segment, isLetter)], true); ok && (t.rank == rankPre || t.rank == rankDev) {
			return true
		}
	}
	return false
}

// push adds a token that is not a number.
func (s *scanner) push(t token) {
	s.closeWord()
	s.tokens = append(s.tokens, t)
	s.open = t.rank == rankDev || t.rank == rankPre || t.rank == rankPost
	s.pre = t.rank == rankPre || t.rank == rankNext
}

// closeWord gives a word without a number the number 0: 1.0a is 1.0a0.
func (s *scanner) closeWord() {
	if s.open {
		s.tokens = append(s.tokens, token{rank: rankNumber})
	}
	s.open = false
}

// moveBuild moves a build behind the pre-release that comes after it: 1.0-123-rc1 is a
// build of 1.0rc1. A build of 0 says nothing. RPM packages write it: 1.0-0.1.rc1 is 1.0rc1,
// and 4.14.0-0.nightly-2024-01-31 comes before 4.14.0.
func (s *scanner) moveBuild() {
	s.closeWord()
	i := slices.IndexFunc(s.tokens, func(t token) bool { return t.rank == rankPost })
	if i < 0 {
		return
	}
	numbers := slices.DeleteFunc(slices.Clone(s.tokens[i:]), func(t token) bool { return t.rank == rankPost })
	if slices.ContainsFunc(numbers, func(t token) bool { return t.rank != rankNumber }) {
		return
	}
	s.tokens = s.tokens[:i]
	if strings.Trim(numbers[0].text, "0") != "" {
		s.build = append(s.build, numbers...)
	}
}

// local takes the rest, which is a local version.
func (s *scanner) local() {
	s.push(token{rank: rankLocal})
	for _, part := range strings.FieldsFunc(s.rest, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		t := token{rank: rankNumber, text: part}
		if span(part, isDigit) < len(part) {
			t = token{rank: rankText, text: strings.ToLower(part)}
		}
		s.tokens = append(s.tokens, t)
	}
	s.rest = ""
}

func (s *scanner) take(is func(byte) bool) string {
	n := span(s.rest, is)
	taken := s.rest[:n]
	s.rest = s.rest[n:]
	return taken
}

// span counts the first bytes of s that is holds for.
func span(s string, is func(byte) bool) int {
	for i := range len(s) {
		if !is(s[i]) {
			return i
		}
	}
	return len(s)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return !isDigit(c) && strings.IndexByte(separators, c) < 0 }
