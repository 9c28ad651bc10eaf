package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// encodings are the ways in which a peer may repeat a secret.
func encodings(user, secret string) map[string]string {
	std, web := base64.StdEncoding, base64.URLEncoding
	login := user + ":" + secret
	inJSON, _ := json.Marshal(secret)
	percent := ""
	for _, b := range []byte(secret) {
		percent += fmt.Sprintf("%%%02x", b)
	}
	return map[string]string{
		"raw": secret, "quoted": strconv.Quote(secret), "ASCII": strconv.QuoteToASCII(secret), "JSON": string(inJSON),
		"HTML": html.EscapeString(secret), "query": url.QueryEscape(secret), "path": url.PathEscape(secret),
		"all percent": percent, "all percent, upper case": strings.ToUpper(percent),
		"hex": hex.EncodeToString([]byte(secret)), "upper hex": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"base64": std.EncodeToString([]byte(secret)), "raw base64": base64.RawStdEncoding.EncodeToString([]byte(secret)),
		"URL base64": web.EncodeToString([]byte(secret)), "raw URL base64": base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"Basic": "Basic " + std.EncodeToString([]byte(login)), "Basic, URL": web.EncodeToString([]byte(login)), "login": login,
		"JSON in JSON": jsonEscaped(jsonEscaped(secret)), "quoted JSON": fmt.Sprintf("%q", inJSON), "JSON of HTML": jsonEscaped(html.EscapeString(secret)),
		"HTML with names": strings.ReplaceAll(html.EscapeString(secret), "&#34;", "&quot;"),
		"HTML of Python":  strings.NewReplacer("&#34;", "&quot;", "&#39;", "&#x27;").Replace(html.EscapeString(secret)),
		"JSON with slash": strings.ReplaceAll(jsonASCII(secret), "/", `\/`), "JSON in ASCII": jsonASCII(secret),
		"in an address": "https://" + url.UserPassword(user, secret).String() + "@h.example/x",
	}
}

// jsonEscaped gives a text as it stands in JSON.
func jsonEscaped(s string) string {
	b, _ := json.Marshal(s)
	return string(b[1 : len(b)-1])
}

// jsonASCII gives a text as it stands in JSON that escapes all but ASCII and leaves
// < > & as they are, which Python writes.
func jsonASCII(s string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(strings.NewReplacer("\\u003c", "<", "\\u003e", ">", "\\u0026", "&").Replace(jsonEscaped(s)))) {
		if unit < utf8.RuneSelf {
			b.WriteByte(byte(unit))
			continue
		}
		fmt.Fprintf(&b, "\\u%04x", unit)
	}
	return b.String()
}

func TestTextMasksEveryEncoding(t *testing.T) {
	long := strings.Repeat("eyJhbGciOiJSUzI1NiJ9.", 60) + "end-of-it"
	for name, secret := range map[string]string{
		"plain": "hunter2-of-the-mirror", "short": "hunter", "with quotes": `pa"ss\wo'rd`, "with markup": "a<b>&c;d", "with spaces": "two  words here",
		"with letters of its own": "größe-пароль", "with percent": "100%+/=?&#@:", "with control characters": "a\x1b[31mb\tc", "long": long,
		"from bytes": "\xff\xfe\xfd\xfc\xfb\xfa",
	} {
		r := New()
		r.AddLogin("admin", secret)
		for kind, text := range encodings("admin", secret) {
			t.Run(name+"/"+kind, func(t *testing.T) {
				for _, around := range []string{"%s", "the server says: %s!", "(%s)", "x %s\ny", "{\"a\":\"%s\"}"} {
					got := r.Text(fmt.Sprintf(around, text))
					if kind != "in an address" && !strings.Contains(got, Mark) {
						t.Errorf("no mark in %q", got)
					}
					// What identifies the secret is gone.
					if core := strings.Trim(text, `"=`); strings.Contains(got, core) || strings.Contains(got, core[:len(core)*2/3]) && len(core) < 64 {
						t.Errorf("%q is shown", got)
					}
					if again := r.Text(got); again != got {
						t.Errorf("masked twice it is %q, once %q", again, got)
					}
				}
			})
		}
	}
}

// A password that a peer repeats together with something that bayplan does not know
// is found in their base64, too.
func TestTextMasksInsideBase64(t *testing.T) {
	const secret = "hunter2-of-the-mirror"
	r := New()
	r.Add(secret)
	for before := range 7 {
		for after := range 4 {
			text := base64.StdEncoding.EncodeToString([]byte("someone:"[:before] + secret + "tail"[:after]))
			got := r.Text("it got " + text)
			rest := strings.Replace(got, Mark, "", 1)
			if !strings.Contains(got, Mark) || len(rest) > len("it got ")+before*2+after*2+8 {
				t.Errorf("%d before, %d after: %q", before, after, got)
			}
		}
	}
}

func TestTextMasksWhatWasCut(t *testing.T) {
	const secret = "hunter2-of-the-mirror"
	r := New()
	r.Add(secret)
	for _, tt := range []struct{ text, want string }{
		{"says " + secret[:12] + "...", "says " + Mark + "..."},
		{"says " + secret[:4] + "… and more", "says " + Mark + "… and more"},
		{fmt.Sprintf("says %.23q", "the password "+secret), `says "the password ` + Mark[:0] + secret[:10] + `"`},
		{fmt.Sprintf("%q...", secret[:9]), `"` + Mark + `"...`},
		{"says " + secret[:18], "says " + Mark},
		{"says " + secret[:18] + "\nnext", "says " + Mark + "\nnext"},
		{"a hunt for mirrors", "a hunt for mirrors"},
		{"the hunter", "the hunter"},
	} {
		if got := r.Text(tt.text); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

// A short secret is masked where it stands alone, and does not turn texts into marks.
func TestShortSecrets(t *testing.T) {
	r := New()
	for _, s := range []string{"a", "is", "pwd", "tost", "imades", "redact"} {
		r.AddLogin("op", s)
	}
	for text, want := range map[string]string{
		"a tost is a tost":       "a " + Mark + " is a " + Mark,
		"tosting a latost pwd":   "tosting a latost pwd",
		"tost_1 and 2tost":       "tost_1 and 2tost",
		"3 imades":               "3 " + Mark,
		"op:is, op:pwd":          Mark + ", " + Mark,
		"Basic b3A6dG9zdA==":     "Basic " + Mark,
		"[redacted] [redacted]x": "[redacted] [redacted]x",
	} {
		if got := r.Text(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// A very short secret and a common word are masked where they are the secret, and nowhere
// else.
func TestWeakSecrets(t *testing.T) {
	r := New()
	for _, s := range []string{"a", "true", "stack", "bayplan", "Password", "x1"} {
		r.AddLogin("op", s)
	}
	for text, want := range map[string]string{
		"bayplan: /home/stack/a is true, a Password": "bayplan: /home/stack/a is true, a Password",
		`password "stack" is wrong`:                  `password "` + Mark + `" is wrong`,
		"password: stack # ours":                     "password: " + Mark + " # ours",
		`{"auth":{"password":"bayplan"}}`:            `{"auth":{"password":"` + Mark + `"}}`,
		"token=true&x=true":                          "token=" + Mark + "&x=true",
		"OS_PASSWORD='a'":                            "OS_PASSWORD='" + Mark + "'",
		"the password is stack":                      "the password is " + Mark,
		"the password\nstack":                        "the password\nstack",
		"op:stack, op:a, op:true":                    Mark + ", " + Mark + ", " + Mark,
		"Basic b3A6c3RhY2s=":                         "Basic " + Mark,
		"pass x1, pass x12":                          "pass " + Mark + ", pass x12",
	} {
		if got := r.Text(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"password": "surely", "registry_token": "surely", "AdminPassword": "surely", "clientSecret": "surely", "auth": "surely",
		"db_pass": "yes", "x-auth": "yes", "api_key": "yes", "api.key": "yes", "apikey": "yes", "passwd": "yes", "credentials": "yes",
		"signing_key": "perhaps", "ssh-key": "perhaps",
		"user": "no", "bypass": "no", "author": "no", "keys": "no", "": "no",
	} {
		got := "no"
		switch {
		case SurelySecret(name):
			got = "surely"
		case SecretName(name):
			got = "yes"
		case PerhapsSecret(name):
			got = "perhaps"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestSecretsOfSeveralLines(t *testing.T) {
	r := New()
	r.Add("-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----")
	got := r.Text("key:\n  MIIEvQIBADANBg\n  kqhkiG9w0BAQEF\n")
	if want := "key:\n  " + Mark + "\n  " + Mark + "\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestURLs(t *testing.T) {
	var r *Redactor // URLs are masked without any known secret
	for text, want := range map[string]string{
		"https://u:p@h.example/f?x=1":                                      "https://h.example/f?x=1",
		"https://u@h.example:8443/f":                                       "https://h.example:8443/f",
		"https://u:p@ss@h.example/f":                                       "https://h.example/f",
		"https://u:[redacted]@h.example/f":                                 "https://u:[redacted]@h.example/f",
		"https://h.example/repo@sha256:0123":                               "https://h.example/repo@sha256:0123",
		"GET /f?se=2&sig=abc%2B&sv=1 200":                                  "GET /f?se=2&sig=" + Mark + "&sv=1 200",
		`Get "https://h/f?X-Amz-Date=1&X-Amz-Signature=0f&Expires=3": EOF`: `Get "https://h/f?X-Amz-Date=1&X-Amz-Signature=` + Mark + `&Expires=3": EOF`,
		"h/f?token=a,https://h/f?access_token=b#c":                         "h/f?token=" + Mark + "#c",
		"(http://h/f?Signature=x)":                                         "(http://h/f?Signature=" + Mark + ")",
		"h/v1/o?temp_url_sig=da39&temp_url_expires=1":                      "h/v1/o?temp_url_sig=" + Mark + "&temp_url_expires=1",
		"h?apikey=1&api-key=2&API_KEY=3;jwt=4":                             "h?apikey=" + Mark + "&api-key=" + Mark + "&API_KEY=" + Mark + ";jwt=" + Mark,
		"a=b; mail@example.com":                                            "a=b; mail@example.com",
		`"u:p:w@h.example/x" is not a host, nor is u:p@[::1]:5000`:         `"u:` + Mark + `@h.example/x" is not a host, nor is u:` + Mark + `@[::1]:5000`,
		"host=u:p@h?sig=x and u:p@h":                                       "host=u:" + Mark + "@h?sig=" + Mark + " and u:" + Mark + "@h",
		"h?token=a:b@c":                                                    "h?token=" + Mark,
		"x/y:v1@sha256:00, y:v1@sha512:00, oci:lay:x:1@sha256:00":          "x/y:v1@sha256:00, y:v1@sha512:00, oci:lay:x:1@sha256:00",
		"git:main@{upstream}, mailto:bob@example.com, history: root@vm":    "git:main@{upstream}, mailto:bob@example.com, history: root@vm",
		"h?n=100&last=library/token&digest=sha256:00":                      "h?n=100&last=library/token&digest=sha256:00",
		"h?sig=&x=1":     "h?sig=&x=1",
		"`h?sig=ab` `c`": "`h?sig=" + Mark + "` `c`", // code of Markdown
	} {
		got := r.Text(text)
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if again := r.Text(got); again != got {
			t.Errorf("%q: masked twice %q", text, again)
		}
	}
}

func TestURLSecrets(t *testing.T) {
	const text = "url: https://u:p@h/f?x=1&sig=ab, https://tok@h/ https://h/x?a=b@c u:pw@h"
	var got []string
	for _, span := range URLSecrets(text) {
		got = append(got, text[span[0]:span[1]])
	}
	if want := "p tok pw ab,"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %s", got, want)
	}
}

// What stood in a URL or a header is masked wherever it appears later.
func TestAddURLAndHeader(t *testing.T) {
	r := New()
	u, err := url.Parse("https://op:pass%2Fword@h.example/f?sig=ab%2Bcd%3D%3D&part=public-part")
	if err != nil {
		t.Fatal(err)
	}
	r.AddURL(u)
	r.AddURL(nil)
	h := http.Header{}
	h.Set("Authorization", "Bearer token-of-a-registry")
	h.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("me:proxy-password")))
	h.Set("X-Auth-Token", "gAAAAABtoken")
	h.Set("X-Request-Id", "req-public")
	r.AddHeader(h)
	for _, secret := range []string{"pass/word", "pass%2Fword", "ab+cd==", "token-of-a-registry", "proxy-password", "me:proxy-password", "gAAAAABtoken"} {
		if got := r.Text("it is " + secret); got != "it is "+Mark {
			t.Errorf("%s: %q", secret, got)
		}
	}
	const public = "public-part req-public"
	if got := r.Text(public); got != public {
		t.Errorf("got %q", got)
	}
}

func TestJSON(t *testing.T) {
	r := New()
	r.Add("status")
	r.Add("a\"b<c>d")
	in := `{"status": "changed", "n": [1, "the status is \"status\"", {"x":"a\"b\u003cc\u003ed", "y":"h?sig=1\u0026a=2"}], "ok": true}` + "\n"
	want := `{"status": "changed", "n": [1, "the [redacted] is \"[redacted]\"", {"x":"[redacted]", "y":"h?sig=[redacted]\u0026a=2"}], "ok": true}` + "\n"
	got := string(r.JSON([]byte(in)))
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !json.Valid([]byte(got)) {
		t.Error("it is not JSON")
	}
	for _, broken := range []string{`"`, `{"a`, `"a\`, ``, `{"a":"b`} {
		r.JSON([]byte(broken)) // does not panic
	}
}

func TestErrorKeepsItsCause(t *testing.T) {
	r := New()
	cause := errors.New("the password is hunter2-x")
	err := r.Error(fmt.Errorf("asking: %w", cause))
	r.Add("hunter2-x") // learned later
	if got := err.Error(); got != "asking: the password is "+Mark {
		t.Errorf("got %q", got)
	}
	if !errors.Is(err, cause) || r.Error(nil) != nil {
		t.Error("the cause is lost")
	}
}

func TestNilRedactor(t *testing.T) {
	var r *Redactor
	r.Add("hunter2")
	r.AddLogin("u", "hunter2")
	r.AddHeader(http.Header{"Authorization": {"Basic x"}})
	if got := r.Text("hunter2"); got != "hunter2" {
		t.Errorf("got %q", got)
	}
}

// Thousands of tokens cost neither memory nor time that anybody notices.
func TestLargeManyTokens(t *testing.T) {
	r := New()
	token := func(i int) string {
		return fmt.Sprintf("eyJhbGciOiJSUzI1NiJ9.%d.%s", i, strings.Repeat("payload", 250))
	}
	for i := range 3000 {
		r.Add(token(i))
		r.Add(token(i)) // a second time costs nothing
	}
	line := strings.Repeat("mirror: image registry.example.com:5000/library/app:1.0 created\n", 100)
	began := time.Now()
	if got := r.Text(line); got != line {
		t.Error("the line is changed")
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("100 lines take %s", took)
	}
	if got := r.Text("x " + token(2999) + " y"); got != "x "+Mark+" y" {
		t.Errorf("got %.80q", got)
	}
}

// Programs differ in which characters they escape.
func TestTextMasksEveryEscape(t *testing.T) {
	const secret = "Tr0ub4dor&3/x+y=\"z\u00e9`\U0001f512"
	r := New()
	r.Add(secret)
	for name, text := range map[string]string{
		"Python's quote":        "Tr0ub4dor%263/x%2By%3D%22z%C3%A9%60%F0%9F%94%92",
		"encodeURI":             "Tr0ub4dor&3/x+y=%22z%C3%A9%60%F0%9F%94%92",
		"lower case":            "Tr0ub4dor%263%2fx%2by%3d%22z%c3%a9%60%f0%9f%94%92",
		"in a path of a query":  "Tr0ub4dor%25263/x%252By%253D%2522z%25C3%25A9%2560%25F0%259F%2594%2592",
		"mustache":              "Tr0ub4dor&amp;3&#x2F;x+y&#x3D;&quot;z\u00e9&#x60;\U0001f512",
		"decimal":               "Tr0ub4dor&#38;3&#47;x&#43;y&#61;&#34;z&#233;&#96;&#128274;",
		"JSON for HTML":         `Tr0ub4dor\u00263\u002fx\u002By=\u0022z\u00E9\u0060\uD83D\uDD12`,
		"JSON in a URL":         `Tr0ub4dor&3/x+y=%5C%22z%5Cu00e9%60%5Cud83d%5Cudd12`,
		"HTML in JSON":          `Tr0ub4dor\u0026amp;3/x+y=\u0026quot;z\u00e9` + "`\U0001f512",
		"a shell's":             `Tr0ub4dor\x263/x+y=\"z\xc3\xa9` + "`" + `\xf0\x9f\x94\x92`,
		"the first letter only": "%54r0ub4dor&3/x+y=\"z\u00e9`\U0001f512",
	} {
		for _, around := range [][2]string{{"", ""}, {"100% says ", "!"}, {"%25 & <", `> \x`}} {
			if got, want := r.Text(around[0]+text+around[1]), around[0]+Mark+around[1]; got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
	}
	for _, text := range []string{"Tr0ub4dor%...", "Tr0ub4dor%263/x%2…", `Tr0ub4dor\u00...`, `Tr0ub4dor\u00263/x\...`, "Tr0ub4dor&am...", `Tr0ub4dor&amp;3/x+y=\"z\u00e9` + "`" + `\ud8`, "Tr0ub4dor%5Cu002..."} {
		want := "says " + Mark + text[len(strings.TrimRight(text, ".…")):]
		if got := r.Text("says " + text); got != want {
			t.Errorf("cut: got %s, want %s", got, want)
		}
	}
	for _, text := range []string{"100%", "a 100%... b &...", `\`, `\u12`, `\ud83d\u0041`, "&amp", "%zz", "a & b; c%20d"} {
		if got := r.Text(text); got != text {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// Python and PHP escape JSON in other ways than Go.
func TestJSONOfOthers(t *testing.T) {
	const secret = "Pa/ss\"w<o>rd&\u00e9\U0001f512"
	r := New()
	r.AddLogin("admin", secret)
	for _, text := range []string{
		`Pa/ss\"w<o>rd&\u00e9\ud83d\udd12`, `Pa\/ss\"w<o>rd&\u00e9\ud83d\udd12`, `{\"p\":\"Pa\\/ss\\\"w<o>rd&\\u00e9\\ud83d\\udd12\"}`,
		"Pa/ss&quot;w&lt;o&gt;rd&amp;\u00e9\U0001f512",
	} {
		if got := r.Text(text); !strings.Contains(got, Mark) || strings.Contains(got, "ss") {
			t.Errorf("%s: %s", text, got)
		}
	}
}
