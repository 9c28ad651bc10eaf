package convert

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/yamlguard"
)

// skopeo reads the YAML file of skopeo sync.
func (r *reader) skopeo(root yamlguard.Value) {
	for _, registry := range r.fields(root, "the file") {
		before := len(r.plan.entries)
		pairs := r.fields(registry.Value, registry.Key)
		for _, p := range pairs {
			r.skopeoImages(registry.Key, p)
		}
		if len(r.plan.entries) > before {
			r.skopeoConnection(pairs, registry.Key, r.plan.registry(r.plan.entries[before].source.host))
		}
	}
	r.useLogins()
	r.differ(0, "all", "All platforms of an image are copied; skopeo sync without --all copies the one of its own host: platforms: [linux/amd64] of the step does that.")
}

// skopeoImages reads one setting of a registry, if it names images.
func (r *reader) skopeoImages(registry string, setting yamlguard.Pair) {
	at := registry + "." + setting.Key
	switch setting.Key {
	case "images":
		for _, p := range r.fields(setting.Value, at) {
			r.skopeoTags(registry, p)
		}
	case "images-by-tag-regex", "images-by-semver":
		for _, p := range r.fields(setting.Value, at) {
			text := r.text(p.Value, at+"."+p.Key)
			var err error
			if setting.Key == "images-by-semver" {
				err = r.skopeoSemver(registry, p, text)
			} else {
				err = r.skopeoPattern(registry, p, text)
			}
			if err != nil {
				r.leftOut(p.Line, at+"."+p.Key, err.Error())
			}
		}
	case "credentials", "tls-verify", "cert-dir":
	default:
		r.leftOut(setting.Line, at, "skopeo does not know it")
	}
}

// skopeoEntry gives the entry for a repository, or for an image that ref names: a tag or
// a digest.
func (r *reader) skopeoEntry(registry string, p yamlguard.Pair, ref string) (entry, error) {
	text := registry + "/" + p.Key
	source, err := parseName(text)
	if err != nil {
		return entry{}, err
	}
	if source.tag+source.digest != "" {
		return entry{}, errors.New("it names an image where a repository belongs")
	}
	if strings.Contains(ref, ":") {
		source, err = parseName(text + "@" + ref)
	} else if source.tag = ref; ref != "" && !isTag(ref) {
		err = fmt.Errorf("%q is not a tag", ref)
	}
	if err != nil {
		return entry{}, err
	}
	e := entry{line: p.Line, source: source}
	e.to, e.target = r.skopeoTarget(source)
	return e, nil
}

// skopeoTarget gives the host that an image comes to, and its name there. Without
// --scoped, skopeo keeps only the last part of its repository's name.
func (r *reader) skopeoTarget(source name) (host, target string) {
	host, prefix, _ := strings.Cut(r.To, "/")
	repository := path.Base(source.repository)
	if r.Scoped {
		repository = source.host + "/" + source.repository
	}
	target = path.Join(prefix, repository)
	switch {
	case source.tag != "":
		target += ":" + source.tag
	case source.digest != "":
		tag := shortDigest(source.digest)
		target += ":" + tag
		r.differ(0, "digest", "An image that is named by its digest has a tag at the destination, the beginning of the digest: registries remove images without a tag.")
	}
	return host, target
}

// shortDigest gives the beginning of a digest's text as a tag.
func shortDigest(digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	return hex[:min(12, len(hex))]
}

// skopeoTags reads the tags and digests of a repository. None of them are all tags.
func (r *reader) skopeoTags(registry string, p yamlguard.Pair) {
	at := registry + ".images." + p.Key
	refs := r.texts(p.Value, at)
	if len(refs) == 0 {
		if err := r.skopeoSelection(registry, p, &tagRules{}); err != nil {
			r.leftOut(p.Line, at, err.Error())
		}
		return
	}
	for i, ref := range refs {
		if ref == "" {
			r.leftOut(p.Line, fmt.Sprintf("%s[%d]", at, i), "it is empty")
			continue
		}
		e, err := r.skopeoEntry(registry, p, ref)
		if err != nil {
			r.leftOut(p.Line, fmt.Sprintf("%s[%d]", at, i), err.Error())
			continue
		}
		r.add(e)
	}
}

// skopeoSelection adds a selection from a repository.
func (r *reader) skopeoSelection(registry string, p yamlguard.Pair, rules *tagRules) error {
	e, err := r.skopeoEntry(registry, p, "")
	if err != nil {
		return err
	}
	e.rules = rules
	if takesSignatures(rules) {
		e.signatures = true
		r.differ(p.Line, "signatures", "Tags that hold signatures (sha256-....sig) are not selected by themselves: signatures: copy brings those of the images that are.")
	}
	r.add(e)
	return nil
}

func (r *reader) skopeoPattern(registry string, p yamlguard.Pair, text string) error {
	pattern, err := searched(text)
	switch {
	case err != nil:
		return err
	case pattern == "":
		return errors.New("the expression matches no tag")
	}
	return r.skopeoSelection(registry, p, &tagRules{match: []string{pattern}})
}

func (r *reader) skopeoSemver(registry string, p yamlguard.Pair, text string) error {
	found, err := parseSemver(text)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		groups []string
		form   string
	}{{found.releases, skopeoRelease}, {found.previews, skopeoOrPreview}} {
		if len(part.groups) == 0 {
			continue
		}
		in, err := checkedRange(strings.Join(part.groups, " || "))
		if err != nil {
			return err
		}
		if err := r.skopeoSelection(registry, p, &tagRules{match: []string{part.form}, version: in}); err != nil {
			return err
		}
	}
	if len(found.previews) > 0 {
		r.differ(p.Line, "previews", "Pre-releases are in bayplan's order: 13.0-43 follows 13.0, and 1.25-alpine counts as 1.25; to skopeo all that follows a hyphen is a pre-release. bayplan explain-images shows what is selected.")
	}
	r.differ(p.Line, "days", "A day such as 20240131 is in no range of versions, only in one of days; to skopeo it is version 20240131.0.0.")
	return nil
}

// skopeoConnection reads how a registry is reached.
func (r *reader) skopeoConnection(pairs []yamlguard.Pair, registry string, c *connection) {
	settings := []string{"credentials", "tls-verify", "cert-dir"}
	for _, p := range pairs {
		at := registry + "." + p.Key
		if !slices.Contains(settings, p.Key) || !r.describes(p.Line, registry, c) {
			continue
		}
		switch p.Key {
		case "credentials":
			r.skopeoLogin(p, at, c)
		case "tls-verify":
			if o := r.open(p.Value); !o.IsNull() && !r.flag(p.Value, at) {
				c.tls = "insecure"
				r.differ(p.Line, at, "%s: a registry that speaks plain HTTP needs tls: disabled; skopeo tries both.", at)
			}
		case "cert-dir":
			if dir := r.text(p.Value, at); dir != "" {
				c.ca = escape(path.Join(dir, "ca.crt"))
				r.differ(p.Line, at, "%s: skopeo takes every *.crt there, the plan one file: write its name; a pair of *.cert and *.key goes to cert and key.", at)
			}
		}
	}
}

func (r *reader) skopeoLogin(p yamlguard.Pair, at string, c *connection) {
	var user, password yamlguard.Pair
	for _, f := range r.fields(p.Value, at) {
		switch f.Key {
		case "username":
			user = f
		case "password":
			password = f
		case "identitytoken", "identityToken":
			if r.text(f.Value, at+"."+f.Key) != "" {
				r.leftOut(f.Line, at+"."+f.Key, "login: config finds the logins that podman and docker keep")
			}
		default:
			r.leftOut(f.Line, at+"."+f.Key, "skopeo does not know it")
		}
	}
	if user.Key == "" || password.Key == "" || r.text(user.Value, at) == "" || r.text(password.Value, at) == "" {
		r.leftOut(p.Line, at, "a login has a username and a password")
		return
	}
	c.user = escape(r.text(user.Value, at+".username"))
	id := c.id + "_password"
	r.plan.secrets = append(r.plan.secrets, secret{id, "env", strings.ToUpper(id)})
	c.password = id
	r.differ(password.Line, id, "%s.password is not written into the plan: set the environment variable %s.", at, strings.ToUpper(id))
}
