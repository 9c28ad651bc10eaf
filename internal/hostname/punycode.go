package hostname

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// toASCII returns the form that DNS has for a name with other letters: each of its labels
// in Punycode (RFC 3492) behind xn--. It returns "" for a name that has none.
func toASCII(name string) string {
	labels := strings.Split(strings.NewReplacer("。", ".", "．", ".").Replace(strings.ToLower(norm.NFKC.String(name))), ".")
	for i, label := range labels {
		if strings.ContainsFunc(label, func(r rune) bool { return r > 127 && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }) {
			return ""
		}
		if strings.ContainsFunc(label, func(r rune) bool { return r > 127 }) {
			labels[i] = "xn--" + punycode([]rune(label))
		}
		if checkLabel(labels[i]) != nil {
			return ""
		}
	}
	return strings.Join(labels, ".")
}

// The parameters of Punycode, section 5 of RFC 3492.
const (
	puBase, puMin, puMax   = 36, 1, 26
	puSkew, puDamp         = 38, 700
	puFirstBias, puFirstAt = 72, 128
)

// punycode encodes a label as section 6.3 of RFC 3492 says.
func punycode(label []rune) string {
	var out []byte
	for _, r := range label {
		if r < puFirstAt {
			out = append(out, byte(r))
		}
	}
	basic := len(out)
	if basic > 0 {
		out = append(out, '-')
	}
	at, delta, bias := rune(puFirstAt), 0, puFirstBias
	for done := basic; done < len(label); at++ {
		next := slices.MinFunc(label, func(a, b rune) int { return int(above(a, at)) - int(above(b, at)) })
		delta += int(next-at) * (done + 1)
		at = next
		for _, r := range label {
			switch {
			case r < at:
				delta++
			case r == at:
				out = appendNumber(out, delta, bias)
				bias = adapt(delta, done+1, done == basic)
				delta, done = 0, done+1
			}
		}
		delta++
	}
	return string(out)
}

// above returns r, or the largest rune if it is below the least one.
func above(r, least rune) rune {
	if r < least {
		return unicode.MaxRune
	}
	return r
}

// appendNumber appends a number in digits whose weights depend on the bias.
func appendNumber(out []byte, n, bias int) []byte {
	const digits = "abcdefghijklmnopqrstuvwxyz0123456789"
	for k := puBase; ; k += puBase {
		t := min(max(k-bias, puMin), puMax)
		if n < t {
			return append(out, digits[n])
		}
		out = append(out, digits[t+(n-t)%(puBase-t)])
		n = (n - t) / (puBase - t)
	}
}

// adapt returns the bias after a number.
func adapt(delta, points int, first bool) int {
	if delta /= 2; first {
		delta = delta * 2 / puDamp
	}
	delta += delta / points
	k := 0
	for ; delta > (puBase-puMin)*puMax/2; k += puBase {
		delta /= puBase - puMin
	}
	return k + (puBase-puMin+1)*delta/(delta+puSkew)
}
