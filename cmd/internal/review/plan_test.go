package review

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/markdown"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// Every setting that is another is told, by its path, and nothing else is.
func TestPlanChanges(t *testing.T) {
	const text = `apiVersion: bayplan/v1
name: p
vars: { host: site.example, api_token_name: x, given: one, api_token: hunter2 }
secrets: { push: { env: PUSH } }
connections:
  registries:
    site: { host: "${vars.host}", user: push, password: "${secrets.push}" }
defaults: { retry: 1 }
steps:
  one: { type: mirror, with: { to: site, images: [a.example/b:1, a.example/c:1] } }
  two: { type: t, needs: [one], with: { of: "${steps.one.images}", properties: { x: "1" } } }
  each: { type: t, for_each: [x, y], when: each.key != 'z', with: { name: "${each.key}" } }
  off: { type: u, when: vars.host == '', with: { evil: no, of: "${vars.given}" } }
  get: { type: t, with: { url: "https://good.example/${vars.api_token}/f", to: "/b/${vars.api_token}/${steps.one.count}" } }
  none: { type: t, for_each: [], with: { a: b } }
`
	read := func(text string) map[string]any {
		p, errs := plan.Parse("p.yaml", []byte(text), plan.Options{Vars: map[string]string{"given": "other"}})
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		return p.Settings()
	}
	for name, tt := range map[string]struct {
		replace []string
		want    []string
	}{
		"nothing":         {[]string{"a.example/b:1", `"a.example/b:1"`}, nil},
		"a variable":      {[]string{"host: site.example,", "host: other.example,"}, []string{"update connections.registries.site.host: site.example -> other.example", "update vars.host: site.example -> other.example"}},
		"a secret":        {[]string{"env: PUSH", "env: PULL"}, []string{"update secrets.push.env: PUSH -> PULL"}},
		"another secret":  {[]string{"push: { env: PUSH }", "pull: { env: PUSH }", "secrets.push", "secrets.pull"}, []string{"update connections.registries.site.password: ${secrets.push} -> ${secrets.pull}", "create secrets.pull.env: PUSH", "remove secrets.push.env: PUSH"}},
		"a reference":     {[]string{"steps.one.images", "steps.one.rewritten"}, []string{"update steps.two.with.of: ${steps.one.images} -> ${steps.one.rewritten}"}},
		"entries":         {[]string{"[a.example/b:1, ", "[a.example/d:1, a.example/d:1, "}, []string{"remove steps.one.with.images: a.example/b:1", "create steps.one.with.images: a.example/d:1", "create steps.one.with.images: a.example/d:1"}},
		"something empty": {[]string{"to: site,", "to: site, prune: {},"}, []string{"create steps.one.with.prune: {}"}},
		"another form":    {[]string{"images: [a.example/b:1, a.example/c:1]", "images: list.txt"}, []string{`update steps.one.with.images: ["a.example/b:1","a.example/c:1"] -> list.txt`}},
		"an instance": {[]string{"[x, y]", "[x, y, z, w]"}, []string{
			`create steps.each["w"]: t`, `create steps.each["w"].retry: 1`, `create steps.each["w"].when: each.key != 'z'`, `create steps.each["w"].with.name: w`,
			`create steps.each["z"]: t; the step is off here: its when is not true`, `create steps.each["z"].retry: 1; the step is off here: its when is not true`,
			`create steps.each["z"].when: each.key != 'z'; the step is off here: its when is not true`, `create steps.each["z"].with.name: z; the step is off here: its when is not true`,
		}},
		"a step off": {[]string{"!= 'z'", "!= 'x'"}, []string{
			`create steps.each["x"].off: its when is not true`, `update steps.each["x"].when: each.key != 'z' -> each.key != 'x'; the step is off here: its when is not true`,
			`update steps.each["y"].when: each.key != 'z' -> each.key != 'x'`,
		}},
		"a step on":              {[]string{"when: vars.host == ''", "when: vars.host != ''"}, []string{"remove steps.off.off: its when is not true", "update steps.off.when: vars.host == '' -> vars.host != ''"}},
		"a step that is off":     {[]string{"evil: no", "evil: yes"}, []string{"update steps.off.with.evil: no -> yes; the step is off here: its when is not true"}},
		"one that is gone":       {[]string{"  none: { type: t, for_each: [], with: { a: b } }\n", ""}, []string{"remove steps.none: t; the step was off: its for_each is empty"}},
		"without instances":      {[]string{"a: b", "a: c"}, []string{"update steps.none.with.a: b -> c; the step is off here: its for_each is empty"}},
		"an overridden variable": {[]string{"given: one", "given: two"}, []string{"update vars.given: one -> two"}},
		"a default":              {[]string{"retry: 1", "spool: 1GiB"}, []string{"update defaults.spool: 10737418240 -> 1073741824", `update steps.each["x"].retry: 1 -> 0`, `update steps.each["y"].retry: 1 -> 0`, "update steps.get.retry: 1 -> 0", "update steps.none.retry: 1 -> 0; the step is off here: its for_each is empty", "update steps.off.retry: 1 -> 0; the step is off here: its when is not true", "update steps.one.retry: 1 -> 0", "update steps.two.retry: 1 -> 0"}},
		"a step's type":          {[]string{"two: { type: t", "two: { type: u"}, []string{"update steps.two.type: t -> u"}},
		"no needs":               {[]string{"needs: [one], ", ""}, []string{"remove steps.two.needs: one"}},
		"the plan's name":        {[]string{"name: p\n", "name: q\n"}, []string{"update name: p -> q"}},
		"a new connection":       {[]string{"defaults:", "  hosts: { h: { host: h.example, tls: insecure } }\ndefaults:"}, []string{"create connections.hosts.h.host: h.example", "create connections.hosts.h.tls: insecure"}},
		"a property that may be secret": {
			[]string{`{ x: "1" }`, `{ x: "1", password: "${steps.one.count}" }`}, []string{"create steps.two.with.properties.password: ${steps.one.count}"},
		},
		"a part that is secret":    {[]string{"https://good", "https://evil"}, []string{"update steps.get.with.url: https://good.example/${vars.api_token}/f -> https://evil.example/${vars.api_token}/f"}},
		"a secret and a reference": {[]string{"/b/$", "/c/$"}, []string{"update steps.get.with.to: /b/${vars.api_token}/${steps.one.count} -> /c/${vars.api_token}/${steps.one.count}"}},
		"the value of a secret": {[]string{"api_token: hunter2", "api_token: other"}, []string{
			"update steps.get.with.to: /b/${vars.api_token}/${steps.one.count} -> /b/${vars.api_token}/${steps.one.count}",
			"update steps.get.with.url: https://good.example/${vars.api_token}/f -> https://good.example/${vars.api_token}/f", "update vars.api_token: [redacted] -> [redacted]",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range PlanChanges(read(text), read(strings.NewReplacer(tt.replace...).Replace(text))) {
				got = append(got, string(c.Op)+" "+c.Text(func(s string) string { return s }))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What a reviewer must see stands before all that may be cut off.
func TestSortByWeight(t *testing.T) {
	changes := []document.PlanChange{
		{Op: runner.Create, Setting: "connections.hosts.a.host"},
		{Op: runner.Create, File: "list.txt", To: "quay.io/a/b:1"},
		{Op: runner.Update, File: "ca.pem", Note: "its content is another"},
		{Op: runner.Remove, Setting: "steps.check"},
		{Op: runner.Create, Setting: "connections.registries.r.tls"},
		{Op: runner.Create, Setting: "steps.m.with.signatures[0].key"},
		{Op: runner.Update, Setting: "secrets.s.env"},
		{Op: runner.Create, Setting: "connections.registries.r.address"},
	}
	SortByWeight(changes)
	var got []string
	for _, c := range changes {
		got = append(got, c.Name())
	}
	want := []string{
		"connections.registries.r.tls", "connections.hosts.a.host", "connections.registries.r.address", "steps.m.with.signatures[0].key", "secrets.s.env",
		"steps.check", "file list.txt", "file ca.pem",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Many changes push none out of a comment that a reviewer must see, be they of the same kind: what is cut is
// counted by kind.
func TestMarkdownIsPadded(t *testing.T) {
	type change = document.PlanChange
	dangerous := map[kind]change{
		ofTLS:       {Op: runner.Create, Setting: "connections.registries.z%d.tls", To: "insecure"},
		ofAddresses: {Op: runner.Create, Setting: "connections.registries.z%d.address", To: "evil.example:443"},
		ofTrust:     {Op: runner.Remove, Setting: "steps.z%d.with.signatures.trust[0].key", From: "site.pub"},
		ofSecrets:   {Op: runner.Update, Setting: "secrets.z%d.env", From: "A", To: "B"},
		ofSwitches:  {Op: runner.Create, Setting: "steps.z%d.off", To: "its when is not true"},
		ofRemovals:  {Op: runner.Create, Setting: "steps.z%d.with.prune", To: "{}"},
		ofSources:   {Op: runner.Create, File: "list.txt", To: "evil%d.example/a/b:1"},
		ofFiles:     {Op: runner.Update, File: "z%d.pem", Note: "its content is another"},
		ofVariables: {Op: runner.Update, Setting: "vars.z%d", From: "a", To: "b"},
		ofSteps:     {Op: runner.Create, Setting: `steps.z%d`, To: "package"},
	}
	harmless := map[kind]change{
		ofTLS:       {Op: runner.Create, Setting: "connections.registries.a%d.tls", To: "insecure", Fresh: true},
		ofAddresses: {Op: runner.Create, Setting: "connections.registries.a%d.address", To: "good.example:443", Fresh: true},
		ofTrust:     {Op: runner.Create, Setting: `steps.a["x.key.%d"].with.signatures.trust[0].key`, To: "site.pub", Fresh: true},
		ofSecrets:   {Op: runner.Create, Setting: "secrets.a%d.env", To: "B", Fresh: true},
		ofSwitches:  {Op: runner.Create, Setting: "steps.a%d.when", To: "true", Fresh: true},
		ofRemovals:  {Op: runner.Create, Setting: "steps.a%d.with.prune", To: "{}", Fresh: true},
		ofSources:   {Op: runner.Create, File: "list.txt", To: "quay.io/a/b:%d"},
		ofRest:      {Op: runner.Create, Setting: "steps.a.with.images[0].properties.key%d", To: strings.Repeat("x", 200)},
	}
	numbered := func(c change, i int) change {
		number := func(text string) string { return strings.ReplaceAll(text, "%d", fmt.Sprintf("%04d", i)) }
		c.Setting, c.File, c.To = number(c.Setting), number(c.File), number(c.To)
		return c
	}
	for padded, c := range harmless {
		d := sample()
		d.Base = &document.Base{Base: "b", Changes: []change{{Op: runner.Create, Setting: "steps.a.with.x" + strings.Repeat("long", 1<<15), To: "1"}}}
		for i := range 900 {
			d.Base.Changes = append(d.Base.Changes, numbered(c, i))
		}
		var want []change
		for k, c := range dangerous {
			for i := range 3 {
				one := numbered(c, i)
				if kindOf(one) != k {
					t.Errorf("%s is a change %s, not %s", one.Name(), kindOf(one), k)
				}
				want, d.Base.Changes = append(want, one), append(d.Base.Changes, one)
			}
		}
		SortByWeight(d.Base.Changes)
		got := Markdown(d, "", CommentLimit)
		for _, one := range want {
			if text := one.Text(markdown.Code); !strings.Contains(got, text) {
				t.Errorf("900 changes %s: %s is not shown", padded, text)
			}
		}
		if !regexp.MustCompile(fmt.Sprintf(`\*\*Cut:\*\* .*\d+ changes of the plan \(.*\d+ %s`, padded)).MatchString(got) {
			t.Errorf("900 changes %s: what is cut is not told: %s", padded, got[len(got)-300:])
		}
		for _, s := range d.Steps {
			if !strings.Contains(got, "<code>"+s.ID+"</code>") && s.Status != runner.Unchanged {
				t.Errorf("900 changes %s: step %s is not shown", padded, s.ID)
			}
		}
	}
}

// What changed in the plan is text in a comment, whatever it is, and is cut at its limit.
func TestMarkdownOfBase(t *testing.T) {
	d := sample()
	d.Base = &document.Base{Base: "git:`x`", Notes: []string{"a [note](http://evil.example)"}, Changes: []document.PlanChange{
		{Op: runner.Update, Setting: "connections.registries.site.tls", From: "verify", To: "insecure"},
		{Op: runner.Create, Setting: "steps.x.with.name", To: "</code> @all ``` `y`\n# big"},
		{Op: runner.Update, File: "/site/ca.pem", Note: "its content is another"},
	}}
	got := Markdown(d, "/site", CommentLimit)
	const want = "compared with `` git:`x` `` in a rehearsal: sizes and digests are those of stand-ins\n\n" +
		"- **update** `connections.registries.site.tls`: `verify` -> `insecure`\n" +
		"- **create** `steps.x.with.name`: ````</code> @all ``` `y` # big````\n" +
		"- **update** `file ca.pem`; `its content is another`\n" +
		"- note: `a [note](http://evil.example)`\n"
	if !strings.Contains(got, want) {
		t.Errorf("got\n%s", got)
	}
	for range 5000 {
		d.Base.Changes = append(d.Base.Changes, d.Base.Changes[0])
	}
	if got = Markdown(d, "/site", LeastLimit); len(got) > LeastLimit || !strings.Contains(got, "**Cut:**") {
		t.Errorf("%d bytes:\n%s", len(got), got)
	}
}

// What media carry and where they go is not among the changes that are cut first.
func TestKindOfMedia(t *testing.T) {
	for setting, want := range map[string]kind{"to": ofAddresses, "to.layout": ofAddresses, "to.without": ofAddresses, "images[0].layout": ofSources, "to.sign.key": ofAddresses} {
		if got := kindOf(document.PlanChange{Op: runner.Update, Setting: "steps.pack.with." + setting}); got != want {
			t.Errorf("%s is %s", setting, got)
		}
	}
}
