package markdown

import "testing"

func TestTexts(t *testing.T) {
	for _, tt := range []struct{ name, got, want string }{
		{"a name", Code("a@b <i> [x](y)"), "`a@b <i> [x](y)`"},
		{"several lines", Code("a\n# b\r\x1b[2J"), "`a # b··[2J`"},
		{"backticks", Code("a `b` ``c``"), "``` a `b` ``c`` ```"},
		{"nothing", Code(" \n"), "` `"},
		{"a bar", CodeInTable("a|b"), "`a\\|b`"},
		{"a block", Fenced("text", "a\n```\nb"), "````text\na\n```\nb\n````\n"},
		{"HTML", InHTML("<b>\n&"), "&lt;b&gt; &amp;"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}
