package redact

import (
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// parameterNames are names of parameters that are secret in a URL only.
var parameterNames = map[string]bool{"sig": true, "key": true, "code": true, "hdnea": true, "hdnts": true, "awsaccesskeyid": true}

// secretParameter reports whether a parameter of a URL is secret. Digests of
// contents have their own names, so that "sig" is always a signature of the URL.
func secretParameter(name string) bool {
	name = strings.ToLower(name)
	return PerhapsSecret(name) || strings.Contains(name, "signature") || parameterNames[name] || strings.HasSuffix(name, "_sig")
}

var (
	// userinfo is the part of a URL before its host; its groups are the user and the
	// password.
	userinfo = lazyregexp.New("://([^\\s/?#\"'<>:`]*)(?::([^\\s/?#\"'<>`]*))?@")
	// bareLogin is a user and a password before a host without a scheme, as in
	// user:password@registry.example.com; its groups are the user, the password and the host.
	bareLogin = lazyregexp.New("(?:^|[\\s\"'`=,(\\[{])([\\w.+-]+):([^\\s/\"'<>`]+)@([A-Za-z0-9\\[][\\w.-]*)")
	// parameter is one parameter of a URL; its groups are its name and its value. A backtick
	// ends it, as a quote does: the code of Markdown ends there.
	parameter = lazyregexp.New("[?&;]([A-Za-z0-9_.%~-]+)=([^&;\\s\"'<>#)`]*)")
)

// maskURLs removes the users and passwords of URLs in a text, and masks their
// secret parameters.
func maskURLs(s string) string {
	if strings.Contains(s, "://") && strings.Contains(s, "@") {
		s = userinfo.ReplaceAllStringFunc(s, func(login string) string {
			if strings.Contains(login, Mark) {
				return login // whoever masked it may point at what follows
			}
			return "://"
		})
	}
	s = replaceSpans(s, barePasswords(s))
	return replaceSpans(s, secretParameters(s))
}

// barePasswords gives the places of the passwords before hosts without a scheme. What stands
// before a digest is an image and its tag, and an address of mail is no login.
func barePasswords(s string) (spans [][2]int) {
	if !strings.Contains(s, "@") {
		return nil
	}
	for _, m := range bareLogin.FindAllStringSubmatchIndex(s, -1) {
		user, host := s[m[2]:m[3]], s[m[6]:m[7]]
		if user != "mailto" && host != "sha256" && host != "sha384" && host != "sha512" {
			spans = append(spans, [2]int{m[4], m[5]})
		}
	}
	return spans
}

func replaceSpans(s string, spans [][2]int) string {
	if len(spans) == 0 {
		return s
	}
	var out strings.Builder
	from := 0
	for _, span := range spans {
		out.WriteString(s[from:span[0]])
		out.WriteString(Mark)
		from = span[1]
	}
	out.WriteString(s[from:])
	return out.String()
}

// URLSecrets gives the places of the passwords and the secret parameters of the URLs
// in a text, for a caller that must keep all else in its place. A user without a
// password is a token.
func URLSecrets(s string) [][2]int {
	var spans [][2]int
	if strings.Contains(s, "://") && strings.Contains(s, "@") {
		for _, m := range userinfo.FindAllStringSubmatchIndex(s, -1) {
			switch {
			case m[4] >= 0:
				spans = append(spans, [2]int{m[4], m[5]})
			case m[2] < m[3]:
				spans = append(spans, [2]int{m[2], m[3]})
			}
		}
	}
	return append(append(spans, barePasswords(s)...), secretParameters(s)...)
}

// secretParameters gives the places of the values of secret parameters.
func secretParameters(s string) [][2]int {
	if !strings.Contains(s, "=") || !strings.ContainsAny(s, "?&;") {
		return nil
	}
	var spans [][2]int
	for _, m := range parameter.FindAllStringSubmatchIndex(s, -1) {
		if m[4] < m[5] && secretParameter(s[m[2]:m[3]]) {
			spans = append(spans, [2]int{m[4], m[5]})
		}
	}
	return spans
}
