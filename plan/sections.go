package plan

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// apiVersion is the plan language that this package reads.
const apiVersion = "bayplan/v1"

const maxRetry = 10

// defaultSpool is the room for blobs that several destinations want.
const defaultSpool = 10 << 30

var (
	planName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	stepID   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	connName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	digits   = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)
)

// readPlan reads the sections of a plan file. It reads variables and secrets
// first, since the other sections may refer to them.
func (r *reader) readPlan(root *node, o Options) *Plan {
	f := r.keyedFields(root, "the plan", "apiVersion", "name", "vars", "secrets", "connections", "defaults", "steps")
	p := &Plan{Dir: r.src.dir, Redactor: o.Redactor, src: r.src, sources: []*source{r.src}}
	r.readVersion(root, f, true)
	p.Name = r.readName(root, f)
	r.readVars(f.value("vars"))
	other := r.openConnectionsFile(o.Connections)
	r.overrideVars(o, other)
	r.evaluateVars()
	r.readSecrets(f.value("secrets"), p)
	r.collectStepIDs(f.value("steps"))
	r.readConnections(f.value("connections"), p)
	r.readSteps(root, f, p)
	if other != nil {
		other.readConnectionsFile(p)
		r.errs = append(r.errs, other.finish()...)
	}
	r.reportUnused(o, other)
	p.Warnings = r.unused()
	return p
}

func (r *reader) readVersion(root *node, f fields, must bool) {
	if f.missing("apiVersion") && must {
		r.fail(root.pos, "begin the file with apiVersion: "+apiVersion, "apiVersion is missing")
		return
	}
	n := f.value("apiVersion")
	if version, ok := r.fixedText(n, "apiVersion", "apiVersion"); ok && version != apiVersion {
		r.fail(n.pos, "write apiVersion: "+apiVersion, "this bayplan does not support apiVersion %q", version)
	}
}

func (r *reader) readName(root *node, f fields) string {
	if f.missing("name") {
		r.fail(root.pos, "", "name is missing")
		return ""
	}
	n := f.value("name")
	name, ok := r.fixedText(n, "name", "name")
	if ok && !planName.MatchString(name) {
		r.fail(n.pos, "plan names begin with a letter or digit and consist of lower-case letters, digits, _ and -", "%q cannot be the name of a plan", name)
	}
	return name
}

// readSecrets reads where to find the secrets. It does not read their values.
func (r *reader) readSecrets(section *node, p *Plan) {
	if section == nil || !r.wantMapping(section, "secrets") {
		return
	}
	for _, e := range section.entries {
		r.secretNames = append(r.secretNames, e.key)
		if r.wantName(e, "secret", refName, "lower-case letters, digits and _") {
			r.readSecret(e)
		}
	}
	for _, s := range r.secrets {
		p.secrets = append(p.secrets, s)
		if s.env != "" {
			p.SecretVariables = append(p.SecretVariables, s.env)
		}
	}
	slices.Sort(p.SecretVariables)
}

func (r *reader) readSecret(e entry) {
	name := "secret " + strconv.Quote(e.key)
	const hint = "write {env: VARIABLE} or {file: PATH}"
	if e.value.kind != isMapping && !e.value.reported {
		r.src.hide(e.value.text)
		r.fail(e.valuePos, hint, "%s must say where to find it", name)
		return
	}
	if e.value.reported {
		return
	}
	f := r.keyedFields(e.value, name, "env", "file")
	env, file := f.value("env"), f.value("file")
	if len(f.byKey) == 2 || (len(f.byKey) == 0 && len(f.suggested) == 0) {
		r.fail(e.keyPos, hint, "%s must have exactly one of env and file", name)
		return
	}
	found := &secretSource{name: e.key, pos: e.keyPos, redactor: r.redactor}
	if text, ok := r.plainText(env, "env", "env"); ok {
		found.env = text
		r.nonEmpty(env, text, "env")
	}
	if text, ok := r.plainText(file, "file", "file"); ok && r.nonEmpty(file, text, "file") {
		path, err := resolvePath(r.src.dir, text)
		if err != nil {
			r.fail(file.pos, "", "file: %v", err)
		}
		found.file = string(path)
	}
	r.secrets[e.key] = found
}

func (r *reader) nonEmpty(n *node, text, name string) bool {
	return text != "" || r.fail(n.pos, "", "%s must not be empty", name)
}

// collectStepIDs collects the ids of all steps first, since a reference may name a
// step that comes later in the file.
func (r *reader) collectStepIDs(section *node) {
	if section == nil {
		return
	}
	for _, e := range section.entries {
		r.stepIDs = append(r.stepIDs, e.key)
		r.isStep[e.key] = true
	}
}

// limits are the settings of attempts that a step and defaults share.
type limits struct {
	timeout time.Duration
	retry   int
}

func (r *reader) readLimits(f fields, l limits) limits {
	if n := f.value("timeout"); n != nil {
		l.timeout = r.readTimeout(n)
	}
	if n := f.value("retry"); n != nil && !n.reported {
		l.retry = r.readRetry(n)
	}
	return l
}

func (r *reader) readTimeout(n *node) time.Duration {
	r.fill(n, n.pos, refRules{})
	if n.reported {
		return 0
	}
	d, wrong := n.wantDuration("timeout", n.text)
	if wrong == nil && d < 0 {
		wrong = &problem{"timeout must not be negative", ""}
	}
	if wrong != nil {
		r.failWith(n.pos, wrong)
		return 0
	}
	return d
}

func (r *reader) readRetry(n *node) int {
	r.fill(n, n.pos, refRules{})
	if n.reported {
		return 0
	}
	count, err := strconv.Atoi(n.text)
	if n.kind != isScalar || n.null || !digits.MatchString(n.text) || err != nil || count > maxRetry || !(n.plain || n.filled) {
		r.fail(n.pos, "", "retry must be a whole number from 0 to %d", maxRetry)
		return 0
	}
	return count
}

// readSpool reads the room for blobs that several destinations want.
func (r *reader) readSpool(n *node) int64 {
	r.fill(n, n.pos, refRules{})
	if n.reported {
		return 0
	}
	size, err := human.ParseSize(n.text)
	switch {
	case n.kind != isScalar || n.null:
		r.fail(n.pos, "write a size such as 10GiB, or 0 for none", "spool must be text, is %s", n.describe())
	case err != nil && n.text != "0":
		r.fail(n.pos, fault.Hint(err), "spool: %v", err)
	}
	return size
}

func (r *reader) readSteps(root *node, f fields, p *Plan) {
	defaults := limits{}
	p.Spool = defaultSpool
	if n := f.value("defaults"); n != nil && r.wantMapping(n, "defaults") {
		f := r.keyedFields(n, "defaults", "timeout", "retry", "spool")
		defaults = r.readLimits(f, defaults)
		if n := f.value("spool"); n != nil {
			p.Spool = r.readSpool(n)
		}
	}
	section := f.value("steps")
	if f.missing("steps") {
		r.fail(root.pos, "", "steps is missing")
	}
	if section == nil || !r.wantMapping(section, "steps") {
		return
	}
	if len(section.entries) == 0 && !section.incomplete {
		r.fail(section.pos, "", "the plan has no steps")
	}
	for _, e := range section.entries {
		p.Steps = append(p.Steps, r.readStep(e, defaults))
	}
}

func (r *reader) readStep(e entry, defaults limits) *Step {
	s := &Step{ID: e.key, Pos: e.keyPos, TypePos: e.keyPos, Timeout: defaults.timeout, Retry: defaults.retry}
	s.With = Body{src: r.src, pos: e.keyPos, name: "with"}
	r.wantName(e, "step", stepID, "lower-case letters, digits and _")
	name := "step " + strconv.Quote(e.key)
	if !r.wantMapping(e.value, name) {
		s.With.root = &node{src: r.src, reported: true}
		return s
	}
	f := r.stepFields(e.value, name)
	if f.missing("type") {
		r.fail(e.keyPos, "", "%s has no type", name)
	}
	if n := f.value("type"); n != nil {
		s.TypePos = n.pos
		s.Type, _ = r.fixedText(n, "type", "type")
	}
	if f.byKey["with"] == nil && !f.missing("with") {
		s.With.root = &node{src: r.src, reported: true}
	}
	if with := f.byKey["with"]; with != nil {
		s.With.pos = with.keyPos
		r.fillBody(with.value, with.valuePos, refRules{step: e.key})
		if s.With.root = with.value; !r.wantMapping(with.value, "with") {
			with.value.reported = true
		}
	}
	l := r.readLimits(f, limits{defaults.timeout, defaults.retry})
	s.Timeout, s.Retry = l.timeout, l.retry
	s.Needs = r.readNeeds(f.value("needs"), e.key)
	return s
}

// stepFields returns the entries of a step. Its unknown keys are most likely settings
// that belong to with.
func (r *reader) stepFields(n *node, name string) fields {
	keys := []string{"type", "with", "needs", "timeout", "retry"}
	empty := slices.ContainsFunc(n.entries, func(e entry) bool { return e.key == "with" && e.value.null })
	before := len(r.errs)
	f := r.keyedFields(n, name, keys...)
	if empty {
		r.errs = r.errs[:before] // with is empty, because they are not indented
		return f
	}
	for _, e := range r.errs[before:] {
		for _, entry := range n.entries {
			if entry.keyPos == e.Pos && human.Suggest(entry.key, keys) == "" {
				e.Hint = "did you mean with: { " + entry.key + ": ... }?"
			}
		}
	}
	return f
}

// readNeeds returns the needs that name another step. It adds mistakes for others and
// for duplicates.
func (r *reader) readNeeds(n *node, step string) []Need {
	if n == nil || n.reported {
		return nil
	}
	if n.kind != isSequence {
		hint := ""
		if n.kind == isScalar && !n.null && len(n.text) < 60 {
			hint = "write needs: [" + n.text + "]"
		}
		r.fail(n.pos, hint, "needs must be a list of step ids, is %s", n.describe())
		return nil
	}
	var needs []Need
	seen := map[string]bool{}
	for _, it := range n.items {
		id, ok := r.fixedText(it, "a need", "")
		switch {
		case !ok:
		case id == step:
			r.fail(it.pos, "", "step %q needs itself", id)
		case !r.isStep[id]:
			r.fail(it.pos, r.didYouMean(id, r.stepIDs), "there is no step %q", id)
		case seen[id]:
			r.fail(it.pos, "", "step %q is needed twice", id)
		default:
			seen[id] = true
			needs = append(needs, Need{ID: id, Pos: it.pos})
		}
	}
	return needs
}

// readConnections reads all kinds of connections into p and replaces those that p
// has.
func (r *reader) readConnections(section *node, p *Plan) {
	p.Registries, p.Clouds, p.Hosts = nil, nil, nil
	if section == nil || !r.wantMapping(section, "connections") {
		return
	}
	f := r.keyedFields(section, "connections", "registries", "clouds", "hosts")
	p.Registries = r.readKind(f.value("registries"), "registries", "registry")
	p.Clouds = r.readKind(f.value("clouds"), "clouds", "cloud")
	p.Hosts = r.readKind(f.value("hosts"), "hosts", "host")
}

func (r *reader) readKind(section *node, key, what string) []Connection {
	if section == nil || !r.wantMapping(section, "connections."+key) {
		return nil
	}
	var all []Connection
	for _, e := range section.entries {
		r.wantName(e, what, connName, "lower-case letters, digits, _ and -")
		r.fillBody(e.value, e.valuePos, refRules{secrets: true})
		if !r.wantMapping(e.value, what+" "+strconv.Quote(e.key)) {
			e.value.reported = true
		}
		all = append(all, Connection{
			Name: e.key, Pos: e.keyPos,
			Body: Body{src: r.src, root: e.value, pos: e.keyPos, name: what + " " + strconv.Quote(e.key)},
		})
	}
	return all
}
