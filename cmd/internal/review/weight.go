package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/runner"
)

// A kind says what a change of a plan is about. The first ones are those that a reviewer must see.
type kind int

const (
	ofTLS kind = iota
	ofAddresses
	ofTrust
	ofSecrets
	ofSwitches
	ofRemovals
	ofSources
	ofFiles
	ofVariables
	ofSteps
	ofRest
	kinds int = iota
)

// String returns what the changes of a kind are about, behind their number.
func (k kind) String() string {
	return [...]string{
		"of TLS", "of addresses", "of trust", "of secrets and logins", "of steps that are off or on", "removals", "of sources", "of files that are read", "of variables", "of new steps", "others",
	}[k]
}

// kindOfSetting are the kinds of settings by their names.
var kindOfSetting = map[string]kind{
	"tls": ofTLS, "insecure_registries": ofTLS, "ca": ofTLS, "cert": ofTLS,
	"address": ofAddresses, "auth_url": ofAddresses, "clouds_file": ofAddresses, "host": ofAddresses, "cloud": ofAddresses, "others": ofAddresses, "embedded": ofAddresses, "to": ofAddresses,
	"checksums": ofTrust, "gpg": ofTrust, "identity": ofTrust, "issuer": ofTrust, "key": ofTrust, "keyring": ofTrust, "root": ofTrust, "sha256": ofTrust, "sha512": ofTrust, "md5": ofTrust,
	"signature": ofTrust, "signatures": ofTrust, "signed_as": ofTrust, "store": ofTrust, "trust": ofTrust, "unsigned": ofTrust,
	"secrets": ofSecrets, "login": ofSecrets, "password": ofSecrets, "token": ofSecrets, "user": ofSecrets, "env": ofSecrets,
	"off": ofSwitches, "when": ofSwitches,
	"keep": ofRemovals, "prune": ofRemovals, "update_existing": ofRemovals,
	"url": ofSources, "from": ofSources, "images": ofSources, "layout": ofSources, "without": ofSources, "repository": ofSources, "namespace": ofSources,
}

// kindOf gives the kind of a change.
func kindOf(c document.PlanChange) kind {
	about, rest := cutOwner(c.Setting)
	switch {
	case strings.HasPrefix(about, "secrets."):
		return ofSecrets
	case strings.HasPrefix(about, "vars."):
		return ofVariables
	case c.File != "" && c.Note != "":
		return ofFiles
	case strings.HasPrefix(about, "steps.") && rest == "" && c.Op == runner.Create:
		return ofSteps
	}
	found := ofRest
	for word := range strings.FieldsFuncSeq(rest, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		if word == "properties" { // their names are of any choice
			break
		}
		if k, known := kindOfSetting[word]; known {
			found = min(found, k)
		}
	}
	switch {
	case c.Op == runner.Remove:
		return min(found, ofRemovals)
	case c.File != "":
		return ofSources // a line of a list
	}
	return found
}

// cutOwner cuts a setting into the connection, step, secret or variable that it is of, and the rest.
func cutOwner(setting string) (owner, rest string) {
	parts := 2
	if strings.HasPrefix(setting, "connections.") {
		parts = 3
	}
	if i := strings.Index(setting, `"].`); i >= 0 && strings.HasPrefix(setting, "steps.") { // the key of an instance may have dots
		return setting[:i+2], setting[i+3:]
	}
	words := strings.SplitN(setting, ".", parts+1)
	if len(words) <= parts && parts == 2 && !strings.Contains(setting, ".") {
		return "", setting
	}
	if len(words) <= parts {
		return setting, ""
	}
	return strings.Join(words[:parts], "."), words[parts]
}

// mostFirst is how many changes of a kind come before all others of it: many of one kind do not push another
// kind out of a comment.
const mostFirst = 10

// SortByWeight puts those changes first that a reviewer must see, since the end of a long comment
// is cut: the first few of each kind, then the rest of each. Of one kind those come first of what was there
// before, of these those that turn off what protects, and of sources the first of each host.
func SortByWeight(changes []document.PlanChange) {
	type weighed struct {
		document.PlanChange
		kind       kind
		late, rank int
	}
	all := make([]weighed, len(changes))
	hosts := map[string]bool{}
	for i, c := range changes {
		all[i] = weighed{PlanChange: c, kind: kindOf(c), rank: rankOf(c)}
		if host := hostOf(c.To); all[i].kind == ofSources && !hosts[host] {
			hosts[host], all[i].rank = true, -1
		}
	}
	slices.SortStableFunc(all, func(a, b weighed) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.rank, b.rank)) })
	seen := [kinds]int{}
	for i := range all {
		if isLate(&seen, all[i].kind) {
			all[i].late = 1
		}
	}
	slices.SortStableFunc(all, func(a, b weighed) int { return cmp.Compare(a.late, b.late) })
	for i := range all {
		changes[i] = all[i].PlanChange
	}
}

// isLate counts a change of a kind, and reports whether it may be cut.
func isLate(seen *[kinds]int, k kind) bool {
	seen[k]++
	return k == ofRest || seen[k] > mostFirst
}

// rankOf gives the place of a change among those of its kind.
func rankOf(c document.PlanChange) int {
	switch {
	case c.Fresh:
		return 3
	case slices.Contains([]string{"insecure", "disabled", "true"}, c.To):
		return 0
	case c.Op != runner.Create:
		return 1
	}
	return 2
}

// hostOf gives what may be the host in a text that names a source, without a scheme.
func hostOf(source string) string {
	if _, rest, found := strings.Cut(source, "://"); found {
		source = rest
	}
	host, _, _ := strings.Cut(strings.TrimLeft(source, `- "'`), "/")
	return host
}

// cutByKind says how many changes of each kind there are, nil for none.
func cutByKind(n [kinds]int) []string {
	total, parts := 0, []string{}
	for k, count := range n {
		if total += count; count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count, kind(k)))
		}
	}
	if total == 0 {
		return nil
	}
	return []string{human.Count(total, "change of the plan", "changes of the plan") + " (" + strings.Join(parts, ", ") + ")"}
}
