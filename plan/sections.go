package plan

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// apiVersion is the plan language that this package reads.
const apiVersion = "bayplan/v1"

const maxRetry = 10

// defaultSpool is the room for blobs that several destinations want.
const defaultSpool = 10 << 30

var (
	planName = lazyregexp.New(`^[a-z0-9][a-z0-9_-]*$`)
	stepID   = lazyregexp.New(`^[a-z][a-z0-9_]*$`)
	connName = lazyregexp.New(`^[a-z][a-z0-9_-]*$`)
	digits   = lazyregexp.New(`^(0|[1-9][0-9]*)$`)
)

// readPlan reads the sections of a plan. It reads variables and secrets first,
// since the other sections may refer to them.
func (r *reader) readPlan(o Options) *Plan {
	r.top = r.keyedFields(r.root, "the plan", "apiVersion", "name", "include", "vars", "secrets", "connections", "defaults", "steps")
	p := &Plan{File: r.path, Dir: r.src.dir, Redactor: o.Redactor}
	r.readVersion(r.root, r.top, true)
	p.Name = r.readName(r.root, r.top)
	whole := r.openIncluded(o, nil)
	if r.files = append(r.files, r); !whole {
		return nil
	}
	for _, in := range slices.Backward(r.files) {
		p.sources = append(p.sources, in.src)
	}
	for _, in := range r.files {
		in.readVars(in.top.value("vars"))
	}
	other := r.openConnectionsFile(o)
	r.overrideVars(o, other)
	r.evaluateVars()
	p.scopes = append(p.scopes, r.scope)
	p.Vars = slices.Sorted(maps.Keys(r.scope.vars))
	for _, in := range r.files {
		in.readSecrets(in.top.value("secrets"), p)
		in.collectSteps(in.top.value("steps"))
	}
	for _, in := range r.files {
		in.readConnections(in.top.value("connections"), p)
	}
	r.readSteps(p)
	if other != nil {
		other.readConnectionsFile(p)
		r.errs = append(r.errs, other.finish()...)
	}
	r.reportUnused(o, other)
	p.Centre, p.Warnings = o.Centre, r.unused()
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
		r.fail(root.pos, "only a file that plans include has none; validate these plans", "name is missing")
		return ""
	}
	n := f.value("name")
	name, ok := r.fixedText(n, "name", "name")
	if ok && !planName.MatchString(name) {
		r.fail(n.pos, "plan names begin with a letter or digit and consist of lower-case letters, digits, _ and -", "%q cannot be the name of a plan", name)
	}
	return name
}

func (r *reader) nonEmpty(n *node, text, name string) bool {
	return text != "" || r.fail(n.pos, "", "%s must not be empty", name)
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

// readSteps reads the steps of all files.
func (r *reader) readSteps(p *Plan) {
	defaults := r.readDefaults(r.top.value("defaults"), p)
	section := r.top.value("steps")
	switch {
	case len(r.steps) > 0:
	case r.top.missing("steps"):
		r.fail(r.root.pos, "", "steps is missing")
	case section != nil && section.kind == isMapping && len(section.entries) == 0 && !section.incomplete && !section.reported:
		r.fail(section.pos, "", "the plan has no steps")
	}
	for _, s := range r.steps {
		s.repeat(nil)
	}
	if !r.countSteps() {
		return
	}
	for _, s := range r.steps {
		s.needs = s.in.readNeeds(s.fields.value("needs"), s.id)
	}
	for _, s := range r.steps {
		s.in.readStep(s, defaults, p)
	}
}

// readDefaults reads what holds for every step that does not say otherwise.
func (r *reader) readDefaults(n *node, p *Plan) limits {
	p.Spool = defaultSpool
	if n == nil || !r.wantMapping(n, "defaults") {
		return limits{}
	}
	f := r.keyedFields(n, "defaults", "timeout", "retry", "spool")
	if spool := f.value("spool"); spool != nil {
		p.Spool = r.readSpool(spool)
	}
	return r.readLimits(f, limits{})
}

// readStep reads an entry of steps into the steps that it becomes.
func (r *reader) readStep(s *stepEntry, defaults limits, p *Plan) {
	step := Step{Base: s.id, Pos: s.pos, TypePos: s.pos, Timeout: defaults.timeout, Retry: defaults.retry}
	step.With = Body{src: r.src, pos: s.pos, name: "with"}
	if s.invalid {
		step.With.root = &node{src: r.src, reported: true}
	} else {
		if s.fields.missing("type") {
			r.fail(s.pos, "", "step %q has no type", s.id)
		}
		if n := s.fields.value("type"); n != nil {
			step.TypePos = n.pos
			step.Type, _ = r.fixedText(n, "type", "type")
		}
		if n := s.fields.value("when"); n != nil {
			step.When = n.text
		}
		l := r.readLimits(s.fields, defaults)
		step.Timeout, step.Retry = l.timeout, l.retry
	}
	if s.repeated {
		r.firstAt = map[Pos]*instance{}
	}
	waits := 0
	for _, i := range s.all() {
		if s.repeated {
			r.current = i
		}
		one := r.readInstance(s, i, step)
		if waits += len(one.Needs); waits > maxNeeds {
			r.fail(s.fields.value("needs").pos, "put a step between them that all instances wait for", "the instances of step %q wait for more than %d others", s.id, maxNeeds)
			break
		}
		switch {
		case i.on:
			p.Steps = append(p.Steps, one)
			continue
		case i.unknown:
			one.Off = "its for_each is empty"
		default:
			one.Off = "its when is not true"
		}
		p.Off = append(p.Off, one)
	}
	r.current = nil
}

// readInstance reads what is an instance's own: its configuration, its site and its
// needs.
func (r *reader) readInstance(s *stepEntry, i *instance, step Step) *Step {
	step.ID, step.Key = s.address(i), i.key
	in := refRules{step: s, each: i}
	step.Site, _ = r.filledText(r.own(s, s.fields.value("site")), "site", "site", in)
	step.Site = cmp.Or(step.Site, r.centre)
	step.Needs = s.needsOf(i)
	with := s.fields.byKey["with"]
	switch {
	case with != nil:
		in.outputs = true
		step.With.pos, step.With.root = with.keyPos, r.own(s, with.value)
		r.fillBody(step.With.root, with.valuePos, in)
		if !r.wantMapping(step.With.root, "with") {
			step.With.root.reported = true
		}
	case !s.invalid && !s.fields.missing("with"):
		step.With.root = &node{src: r.src, reported: true}
	}
	return &step
}

// own returns a value of a step for one of its instances: a copy where it holds
// references.
func (r *reader) own(s *stepEntry, n *node) *node {
	if n == nil || !s.repeated {
		return n
	}
	own, copied := n.copyMarked()
	if !r.grow(n.pos, copied*nodeSize) {
		return &node{src: n.src, pos: n.pos, reported: true}
	}
	return own
}

// stepFields returns the entries of a step. Its unknown keys are most likely settings
// that belong to with.
func (r *reader) stepFields(n *node, name string) fields {
	keys := []string{"type", "for_each", "when", "site", "with", "needs", "timeout", "retry"}
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
func (r *reader) readNeeds(n *node, step string) []needEntry {
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
	var needs []needEntry
	seen := map[string]bool{}
	for _, it := range n.items {
		id, ok := r.fixedText(it, "a need", "")
		switch {
		case !ok:
		case id == step:
			r.fail(it.pos, "", "step %q needs itself", id)
		case r.step[BaseOf(id)] != nil && id != BaseOf(id):
			r.fail(it.pos, "write "+BaseOf(id)+", or repeat this step with for_each: ${steps."+BaseOf(id)+"}", "a need is all instances of a step, and %s is one", id)
		case r.step[id] == nil:
			r.fail(it.pos, r.didYouMean(id, r.stepIDs()), "there is no step %q", id)
		case seen[id]:
			r.fail(it.pos, "", "step %q is needed twice", id)
		default:
			seen[id] = true
			needs = append(needs, needEntry{r.step[id], it.pos})
		}
	}
	return needs
}

// readConnections reads all kinds of connections of a file into p.
func (r *reader) readConnections(section *node, p *Plan) {
	if section == nil || !r.wantMapping(section, "connections") {
		return
	}
	f := r.keyedFields(section, "connections", "registries", "clouds", "hosts")
	p.Registries = r.readKind(p.Registries, f.value("registries"), "registries", "registry")
	p.Clouds = r.readKind(p.Clouds, f.value("clouds"), "clouds", "cloud")
	p.Hosts = r.readKind(p.Hosts, f.value("hosts"), "hosts", "host")
}

// readKind adds the connections of one kind to those of earlier files.
func (r *reader) readKind(all []Connection, section *node, key, what string) []Connection {
	if section == nil || !r.wantMapping(section, "connections."+key) {
		return all
	}
	for _, e := range section.entries {
		if i := slices.IndexFunc(all, func(c Connection) bool { return c.Name == e.key }); i >= 0 {
			r.failTwice(e.keyPos, what, e.key, all[i].Body.src, all[i].Pos)
			continue
		}
		r.wantName(e, what, connName, "lower-case letters, digits, _ and -")
		r.fillBody(e.value, e.valuePos, refRules{secrets: true})
		if !r.wantMapping(e.value, what+" "+strconv.Quote(e.key)) {
			e.value.reported = true
		}
		all = append(all, Connection{
			Name: e.key, Pos: e.keyPos, Included: r.included,
			Body: Body{src: r.src, root: e.value, pos: e.keyPos, name: what + " " + strconv.Quote(e.key)},
		})
	}
	return all
}
