package plan

import (
	"strings"
	"testing"
)

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("0123456789", 30)
	tests := []struct {
		name, line string
		col        int
		want       string
	}{
		{"first", "name: x", 1, "name: x\n^"},
		{"middle", "name: x", 7, "name: x\n      ^"},
		{"behind the end", "name:", 6, "name:\n     ^"},
		{"empty line", "", 1, "\n^"},
		{"tab", "a:\tb\tc", 6, "a:\tb\tc\n  \t \t^"},
		{"wide characters", "größe: x", 8, "größe: x\n       ^"},
		{"escape codes", "a: \x1b[31m", 4, "a: ·[31m\n   ^"},
		{"long, at its beginning", long, 3, long[:99] + "…\n  ^"},
		{"long, at its end", long, 300, "…" + long[201:] + "\n" + strings.Repeat(" ", 99) + "^"},
		{"long, in the middle", long, 151, "…" + long[101:199] + "…\n" + strings.Repeat(" ", 50) + "^"},
		{"masked", "a: { password: hunter2, host: x }", 25, "a: { password: [redacted], host: x }\n                           ^"},
		{"at the mask", "password: hunter2", 11, "password: [redacted]\n          ^"},
		{"inside the mask", "password: hunter2", 14, "password: [redacted]\n          ^"},
		{"behind two masks", "{ token: a1, secret: b, host: x }", 25, "{ token: [redacted], secret: [redacted], host: x }\n                                         ^"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newSource("x.yaml", "/", tt.line).errorf(Pos{1, tt.col}, "x")
			if got := e.Excerpt(); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
	if got := (&Error{File: "command line", Msg: "x"}).Excerpt(); got != "" {
		t.Errorf("without a place it is %q", got)
	}
	made := &Error{File: "x", Pos: Pos{1, 3}, Source: "a: b"}
	if got := made.Excerpt(); got != "a: b\n  ^" {
		t.Errorf("got %q", got)
	}
}

// Masking looks only at lines: it must also work for a file that is not YAML.
func TestMask(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"plain", "password: hunter2", "password: [redacted]"},
		{"two words", "password: hunter2 x", "password: [redacted]"},
		{"double quotes", `{ "password": "hun\"ter2", a: b }`, `{ "password": [redacted], a: b }`},
		{"single quotes", `{ 'password': 'hun''ter2', a: b }`, `{ 'password': [redacted], a: b }`},
		{"list", "tokens: [hunter2, hunter3]", "tokens: [redacted]"},
		{"open list", "tokens: [hunter2,\n  hunter3]\na: b", "tokens: [redacted]\n  [redacted]\na: b"},
		{"items", "tokens:\n  - hunter2\n  - hunter3\na: b", "tokens:\n  [redacted]\n  [redacted]\na: b"},
		{"block", "a:\n  secret: |\n    hunter2\n\n    hunter3\n  b: c", "a:\n  secret: |\n    [redacted]\n\n    [redacted]\n  b: c"},
		{"several lines", "password: hunter2\n  hunter3\na: b", "password: [redacted]\n  [redacted]\na: b"},
		{"open quote", "password: \"hunter2\n  hunter3\"\na: b", "password: [redacted]\n  [redacted]\na: b"},
		{"on the next line", "password:\n  hunter2", "password:\n  [redacted]"},
		{"capitals", "API_TOKEN: hunter2", "API_TOKEN: [redacted]"},
		{"auth", "auth: hunter2", "auth: [redacted]"},
		{"address", "url: [\"https://me:hunter2@h/f\", https://h:443/f, \"https://:hunter3@h\"]", "url: [\"https://me:[redacted]@h/f\", https://h:443/f, \"https://:[redacted]@h\"]"},
		{"no auth", "authors: x", "authors: x"},
		{"pass", "pass: hunter2", "pass: [redacted]"},
		{"api key", "{ apikey: hunter2, x-api-key: hunter3, user: me }", "{ apikey: [redacted], x-api-key: [redacted], user: me }"},
		{"header", "Authorization: Basic aHVudGVyMg==", "Authorization: [redacted]"},
		{"private key", "tls: { private_key: hunter2 }", "tls: { private_key: [redacted]"},
		{"path of a key", "{ cert: c.pem, key: /etc/k.pem }", "{ cert: c.pem, key: /etc/k.pem }"},
		{"credential", "registry_credentials: hunter2", "registry_credentials: [redacted]"},
		{"signature of a file", "signature: https://h/SHA256SUMS.asc", "signature: https://h/SHA256SUMS.asc"},
		{"signed URL", "url: https://h/f?sv=1&sig=hunter2&se=3", "url: https://h/f?sv=1&sig=[redacted]&se=3"},
		{"other signed URL", `- "https://h/f?X-Amz-Signature=hunter2"`, `- "https://h/f?X-Amz-Signature=[redacted]"`},
		{"token as user", "url: https://hunter2@h/f", "url: https://[redacted]@h/f"},
		{"reference", `{ password: "${secrets.token}", a: b }`, `{ password: "${secrets.token}", a: b }`},
		{"bare reference", "password: ${secrets.token}", "password: ${secrets.token}"},
		{"reference with more", "password: ${vars.x}hunter2", "password: [redacted]"},
		{"secrets section", "secrets:\n  token: { env: TOKEN }\n  other:\n    file: /a", "secrets:\n  token: { env: TOKEN }\n  other:\n    file: /a"},
		{"key below", "auth:\n  user: x\n  password: hunter2", "auth:\n  user: x\n  password: [redacted]"},
		{"deeper again", "secrets:\n  a:\n    env: X\n  hunter2", "secrets:\n  a:\n    env: X\n  [redacted]"},
		{"two", "{ token: hunter2, password: hunter3 }", "{ token: [redacted], password: [redacted]"},
		{"anchor", "password: &p hunter2", "password: [redacted]"},
		{"header with junk", "password: |hunter2", "password: [redacted]"},
		{"dashes only", "password: ---", "password: [redacted]"},
		{"digits only", "password: 1234", "password: [redacted]"},
		{"comment in between", "token:\n  # here\n  hunter2", "token:\n  # here\n  [redacted]"},
		{"comment that tells", "token: # hunter", "token: # hunter"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := newSource("x.yaml", "/", tt.text)
			got := make([]string, len(src.lines))
			for i, line := range src.lines {
				got[i], _ = src.mask.Render(i, line, 0)
			}
			if text := strings.Join(got, "\n"); text != tt.want {
				t.Errorf("got\n%s\nwant\n%s", text, tt.want)
			}
		})
	}
}

func TestHide(t *testing.T) {
	src := newSource("x.yaml", "/", "a: hunter2\nb: [hunter2, hunter2x, ab]\nc: d")
	src.hide("hunter2")
	src.hide("ab") // too short to tell anything
	e := src.errorf(Pos{2, 23}, "x")
	if e.Source != "b: [[redacted], [redacted]x, ab]" || !strings.HasSuffix(e.Excerpt(), "\n"+strings.Repeat(" ", 28)+"^") {
		t.Errorf("got\n%s", e.Excerpt())
	}
	for i := range maxHidden {
		src.hide(strings.Repeat("z", 4) + string(rune('a'+i%26)) + strings.Repeat("y", i/26))
	}
	if e := src.errorf(Pos{3, 1}, "x"); e.Source != redacted {
		t.Errorf("with too much to hide, %q is shown", e.Source)
	}
}
