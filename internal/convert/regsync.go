package convert

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/registry/platforms"
	"github.com/bayplan/bayplan/internal/yamlguard"
)

// A syncEntry is an entry of regsync, or its defaults.
type syncEntry struct {
	line                  int
	source, target, kind  string
	set                   []tagSet
	repositories          allowDeny
	digestTags, referrers *bool
	platform              string
	platforms             []string
	replaced              string
	rateLimit             float64
	noLogins              bool // of defaults
}

// allowDeny are expressions of which one matches, and none does.
type allowDeny struct{ allow, deny []string }

// A tagSet is one filter of tags.
type tagSet struct {
	line int
	allowDeny
	ranges []string
}

// regsync reads a regsync.yml.
func (r *reader) regsync(root yamlguard.Value) {
	var creds []yamlguard.Value
	var entries []yamlguard.Value
	var defaults syncEntry
	for _, p := range r.fields(root, "the file") {
		switch p.Key {
		case "version":
			if v := r.text(p.Value, "version"); v != "" && v != "1" {
				r.fail(p.Line, "version %s of regsync's files is not known", v)
			}
		case "creds":
			creds = r.items(p.Value, "creds")
		case "defaults":
			defaults = r.syncEntry(p.Value, "defaults")
		case "sync":
			entries = r.items(p.Value, "sync")
		default:
			if !strings.HasPrefix(p.Key, "x-") {
				r.leftOut(p.Line, p.Key, "regsync does not know it")
			}
		}
	}
	for i, v := range entries {
		r.syncImages(r.syncEntry(v, fmt.Sprintf("sync[%d]", i)).withDefaults(defaults))
	}
	if !defaults.noLogins {
		r.useLogins()
	}
	r.regsyncCredentials(creds)
}

// useLogins lets all registries use the logins of docker and podman.
func (r *reader) useLogins() {
	for _, e := range r.plan.entries {
		r.plan.registry(e.source.host).login = true
		r.plan.registry(e.to).login = true
	}
}

// withDefaults fills in what an entry does not say.
func (e syncEntry) withDefaults(d syncEntry) syncEntry {
	if e.digestTags == nil {
		e.digestTags = d.digestTags
	}
	if e.referrers == nil {
		e.referrers = d.referrers
	}
	if e.rateLimit == 0 {
		e.rateLimit = d.rateLimit
	}
	if e.replaced == "" {
		e.replaced = d.replaced
	}
	return e
}

// syncEntry reads an entry, or the defaults, which have some of the same settings.
func (r *reader) syncEntry(v yamlguard.Value, name string) syncEntry {
	e := syncEntry{line: r.open(v).Line}
	for _, p := range r.fields(v, name) {
		at := name + "." + p.Key
		switch p.Key {
		case "source":
			e.source, e.line = r.text(p.Value, at), p.Line
		case "target":
			e.target = r.text(p.Value, at)
		case "type":
			e.kind = r.text(p.Value, at)
		case "tags":
			if set := r.tagSet(p, at); !set.isEmpty() {
				e.set = append(e.set, set)
			}
		case "tagSets":
			for i, item := range r.items(p.Value, at) {
				e.set = append(e.set, r.tagSet(yamlguard.Pair{Line: r.open(item).Line, Value: item}, fmt.Sprintf("%s[%d]", at, i)))
			}
		case "repos":
			e.repositories = r.allowDeny(p.Value, at)
		case "digestTags":
			on := r.flag(p.Value, at)
			e.digestTags = &on
		case "referrers":
			on := r.flag(p.Value, at)
			e.referrers = &on
		case "platform":
			e.platform = r.text(p.Value, at)
		case "platforms":
			e.platforms = r.texts(p.Value, at)
		case "backup":
			e.replaced = r.backup(p, at)
		case "ratelimit":
			e.rateLimit = r.rateLimit(p.Value, at)
		case "skipDockerConfig":
			e.noLogins = r.flag(p.Value, at)
		default:
			r.syncSetting(p, at)
		}
	}
	return e
}

func (r *reader) allowDeny(v yamlguard.Value, at string) allowDeny {
	var ad allowDeny
	for _, p := range r.fields(v, at) {
		switch p.Key {
		case "allow":
			ad.allow = r.texts(p.Value, at+".allow")
		case "deny":
			ad.deny = r.texts(p.Value, at+".deny")
		default:
			r.leftOut(p.Line, at+"."+p.Key, "regsync does not know it")
		}
	}
	return ad
}

func (r *reader) tagSet(from yamlguard.Pair, at string) tagSet {
	set := tagSet{line: from.Line}
	for _, p := range r.fields(from.Value, at) {
		switch p.Key {
		case "allow":
			set.allow = r.texts(p.Value, at+".allow")
		case "deny":
			set.deny = r.texts(p.Value, at+".deny")
		case "semverRange":
			set.ranges = slices.DeleteFunc(r.texts(p.Value, at+".semverRange"), func(s string) bool { return s == "" })
		default:
			r.leftOut(p.Line, at+"."+p.Key, "regsync does not know it")
		}
	}
	return set
}

func (t tagSet) isEmpty() bool { return len(t.allow)+len(t.deny)+len(t.ranges) == 0 }

// syncImages adds the images of an entry to the plan.
func (r *reader) syncImages(e syncEntry) {
	whole := fmt.Sprintf("the entry %s -> %s", e.source, e.target)
	source, err := expandTemplate(e.source, e)
	if err == nil {
		e.source = source
		e.target, err = expandTemplate(e.target, e)
	}
	if err != nil {
		r.leftOut(e.line, whole, err.Error())
		return
	}
	base := entry{line: e.line, platforms: e.platforms, replaced: e.replaced, signatures: e.digestTags != nil && *e.digestTags || e.referrers != nil && *e.referrers}
	if e.platform != "" {
		base.platforms = []string{e.platform}
	}
	for _, p := range base.platforms {
		if err := platforms.Check(p); err != nil {
			r.leftOut(e.line, whole, err.Error())
			return
		}
	}
	if len(base.platforms) > 1 {
		r.differ(e.line, "platforms", "An image with only some of its platforms has another digest: its index names just these, where regsync leaves it as it is with parts missing.")
	}
	switch e.kind {
	case "image":
		err = r.syncImage(e, base)
	case "repository":
		err = r.syncRepository(e, base)
	case "registry":
		err = r.syncRegistry(e, base)
	default:
		err = fmt.Errorf("its type is %q, which is none of image, repository and registry", e.kind)
	}
	if err != nil {
		r.leftOut(e.line, whole, err.Error())
		return
	}
}

func (r *reader) syncImage(e syncEntry, base entry) error {
	source, err := parseName(e.source)
	if err != nil {
		return err
	}
	target, err := parseName(e.target)
	if err != nil {
		return err
	}
	if source.tag == "" && source.digest == "" {
		source.tag = "latest"
	}
	if target.digest != "" {
		return errors.New("its target has a digest")
	}
	if target.tag == "" {
		target.tag = "latest"
	}
	base.source, base.to, base.target = source, target.host, target.inRepository()
	r.add(base)
	r.keepPulls(source.host, e.rateLimit)
	return nil
}

func (r *reader) keepPulls(host string, least float64) {
	if least > 0 {
		c := r.plan.registry(host)
		c.keepPulls = min(max(c.keepPulls, int(least)), 1_000_000)
	}
}

func (r *reader) syncRepository(e syncEntry, base entry) error {
	source, err := parseName(e.source)
	if err != nil {
		return err
	}
	target, err := parseName(e.target)
	if err != nil {
		return err
	}
	if source.tag+source.digest+target.tag+target.digest != "" {
		return errors.New("a repository has neither tag nor digest")
	}
	base.source, base.to, base.target = source, target.host, target.repository
	r.addSets(e, base)
	r.keepPulls(source.host, e.rateLimit)
	return nil
}

// addSets adds a selection for each of the tag sets of an entry.
func (r *reader) addSets(e syncEntry, base entry) {
	sets := e.set
	if len(sets) == 0 {
		sets = []tagSet{{line: e.line}}
	}
	for _, set := range sets {
		rules, err := r.regsyncRules(set)
		if err != nil {
			r.leftOut(set.line, "the tags of "+base.source.String(), err.Error())
			continue
		}
		one := base
		one.line, one.rules = set.line, rules
		if !one.signatures && takesSignatures(rules) {
			one.signatures = true
			r.differ(set.line, "signatures", "Tags that hold signatures (sha256-....sig) are not selected by themselves: signatures: copy brings those of the images that are.")
		}
		r.add(one)
	}
}

// regsyncRules gives the rules that select the tags of a set.
func (r *reader) regsyncRules(set tagSet) (*tagRules, error) {
	rules := &tagRules{}
	var err error
	if rules.match, err = patterns(set.allow); err != nil {
		return nil, err
	}
	if len(set.allow) > 0 && len(rules.match) == 0 {
		return nil, errors.New("no tag is allowed")
	}
	if rules.except, err = patterns(set.deny); err != nil {
		return nil, err
	}
	if len(set.ranges) == 0 {
		return rules, nil
	}
	if rules.version, err = regsyncRange(set.ranges); err != nil {
		return nil, err
	}
	if len(rules.match) == 0 {
		rules.match = []string{regsyncVersion}
	}
	r.differ(set.line, "semver", "Versions are in bayplan's order: 13.0-43 follows 13.0, 1.25-alpine counts as 1.25, 2.0-rc1 is not in <2.0, days such as 20240131 are in no range of versions. To regsync all that follows a hyphen is a pre-release. bayplan explain-images shows what is selected. (>=0-dev lets pre-releases in.)")
	return rules, nil
}

// patterns gives expressions of regsync as a plan has them. An empty one matches no tag.
func patterns(texts []string) ([]string, error) {
	var all []string
	for _, text := range texts {
		p, err := anchored(text)
		if err != nil {
			return nil, err
		}
		if p != "" {
			all = append(all, p)
		}
	}
	return all, nil
}

var templateField = lazyregexp.New(`\{\{-?\s*\.Sync\.(\w+)\s*-?\}\}`)

// expandTemplate puts the entry's own settings into a text, where it is a template.
func expandTemplate(text string, e syncEntry) (string, error) {
	fields := map[string]string{"Source": e.source, "Target": e.target, "Type": e.kind, "Platform": e.platform}
	text = templateField.ReplaceAllStringFunc(text, func(field string) string {
		value, known := fields[templateField.FindStringSubmatch(field)[1]]
		if !known {
			return field
		}
		return value
	})
	if strings.Contains(text, "{{") {
		return "", errors.New("of templates only .Sync.Source, .Sync.Target, .Sync.Type and .Sync.Platform are known")
	}
	return text, nil
}
