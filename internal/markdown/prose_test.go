package markdown

import "testing"

func TestProse(t *testing.T) {
	for text, want := range map[string]string{
		"Plain words, and no more.":                 "Plain words, and no more.",
		"as {layout: PATH}; or ${vars.x}.":          "as `{layout: PATH}`; or `${vars.x}`.",
		`sites["edge1"], or sites[edge1]`:           "`sites[\"edge1\"]`, or `sites[edge1]`",
		`"diff" shows, "0755" is quoted`:            "`diff` shows, `\"0755\"` is quoted",
		"* stands for text, ** for any":             "`*` stands for text, `**` for any",
		"with tag_from_label (and --locked), or -f": "with `tag_from_label` (and `--locked`), or `-f`",
		"NAME@sha512:HEX, HOST/NAME and ~/.x/y.":    "`NAME@sha512:HEX`, `HOST/NAME` and `~/.x/y`.",
		"$${ stands for ${ itself, { } too":         "`$${` stands for `${` itself, `{ }` too",
		"left _alone_ and < or `as is *`":           "left \\_alone\\_ and `<` or `as is *`",
		"host/path@sha256:... is one":               "`host/path@sha256:...` is one",
		"such as {version}-{release}.":              "such as `{version}-{release}`.",
		"without it; prune: {} is enough":           "without it; `prune: {}` is enough",
		`for none, write set: { name_prefix: "" }.`: "for none, write `set: { name_prefix: \"\" }`.",
		"true, as in vars.ceph == 'yes'. It is":     "true, as in `vars.ceph == 'yes'`. It is",
		"In bash: source <(bayplan completion x)":   "In bash: `source <(bayplan completion x)`",
		`what "bayplan report RUN" takes`:           "what `bayplan report RUN` takes",
		`as "bayplan lock --update '*/nova-*'"`:     "as `bayplan lock --update '*/nova-*'`",
	} {
		if got := Prose(text); got != want {
			t.Errorf("Prose(%q) is\n%s, want\n%s", text, got, want)
		}
	}
}
