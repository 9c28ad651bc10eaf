package redact

import (
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// commonWords are words that texts of bayplan, its plans and its servers are full of. To
// mask them everywhere makes texts unreadable, and shows what the secret is. CI systems
// decide likewise: GitLab masks no variable of fewer than eight characters, and Azure
// Pipelines no secret of fewer than five.
var commonWords = wordSet(`
	admin administrator apply archive bayplan blob blobs catalog centos cloud container containers controller
	daemon default demo deploy digest disk docker dummy error example failed false file files glance guest heat
	home host hosts http https image images ironic item items keystone kolla latest layer layout library list
	localhost lock login manifest mirror name names neutron none nova null openstack operator overcloud password
	plan plans podman public quay quickstart redhat registry release repository root secret service services site
	sites skopeo source stack step steps swift system target test token true undercloud unknown upload user
	username values verify version yaml
`)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		set[word] = true
	}
	return set
}

// weak reports whether a secret is masked only beside its name: it is very short, or a
// common word.
func weak(secret string) bool { return len(secret) < asWord || isCommon(secret) }

func isCommon(secret string) bool { return commonWords[strings.ToLower(secret)] }

// word matches a word of a text, as it stands in prose, YAML, JSON and ini files.
var word = lazyregexp.New(`[^\s"'` + "`" + `,;:=&?(){}\[\]]+`)

// maskBeside masks the weak secrets in a text that stand directly behind a name of a
// secret: password "stack", password: stack, token=stack, the password is stack.
func (r *Redactor) maskBeside(s string) string {
	var spans [][2]int
	before, last := "", 0
	for _, at := range word.FindAllStringIndex(s, -1) {
		text := s[at[0]:at[1]]
		if strings.Contains(s[last:at[0]], "\n") {
			before = ""
		}
		switch {
		case text == "is":
		case r.beside[text] && SecretName(before):
			spans = append(spans, [2]int{at[0], at[1]})
			before = ""
		default:
			before = text
		}
		last = at[1]
	}
	return replaceSpans(s, spans)
}
