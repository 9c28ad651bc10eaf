package convert

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// syncRegistry adds a selection for each repository of a registry, or for each pattern of
// them, that an entry names.
func (r *reader) syncRegistry(e syncEntry, base entry) error {
	if _, _, err := splitTarget(e.source, "x"); err != nil || strings.Contains(e.source, "/") {
		return fmt.Errorf("its source %q is no registry", e.source)
	}
	repositories, err := r.repositories(e)
	if err != nil {
		return err
	}
	host, path, _ := strings.Cut(e.target, "/")
	if path != "" {
		path = strings.TrimRight(path, "/") + "/"
	}
	for _, repository := range repositories {
		one := base
		one.source, one.to = name{host: e.source, repository: repository}, host
		before, _, _ := strings.Cut(repository, "*")
		one.target = path + before
		r.addSets(e, one)
	}
	r.keepPulls(e.source, e.rateLimit)
	return nil
}

var (
	patternOfName = regexp.MustCompile(`^[a-z0-9_./*-]+$`)
	escaped       = regexp.MustCompile(`\\([./_-])`)
)

// repositories gives the repositories of an entry of a whole registry, as names or as
// patterns.
func (r *reader) repositories(e syncEntry) ([]string, error) {
	allow := e.repositories.allow
	if len(allow) == 0 {
		allow = []string{".*"}
	}
	deny, err := patterns(e.repositories.deny)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, text := range allow {
		if _, err := anchored(text); err != nil {
			return nil, err
		}
		pattern, deep := repositoryPattern(text)
		switch {
		case pattern == "":
			return nil, fmt.Errorf("the expression %q of repositories is no pattern in which * stands for text without a slash", text)
		case !strings.Contains(pattern, "*"):
			if !slices.ContainsFunc(deny, func(p string) bool { return regexp.MustCompile(`^(?:` + p + `)$`).MatchString(pattern) }) {
				all = append(all, pattern)
			}
			continue
		case len(deny) > 0:
			return nil, errors.New("a selection has no rule for repositories that are left out: write those that stay under repos.allow")
		case deep:
			r.differ(e.line, "deep", "* stands for text without a slash: repositories with more slashes in their names are not selected, as those of %q in regsync; write a selection with more stars for them.", text)
		}
		all = append(all, pattern)
	}
	return all, nil
}

// repositoryPattern gives the pattern, or the name, that an expression of repositories
// stands for, "" for none. deep says that the expression matches text with slashes where
// the pattern has a star.
func repositoryPattern(text string) (pattern string, deep bool) {
	pattern = text
	for _, any := range []string{"[^/]+", "[^/]*"} {
		pattern = strings.ReplaceAll(pattern, any, "*")
	}
	shallow := pattern
	for _, any := range []string{".*", ".+"} {
		pattern = strings.ReplaceAll(pattern, any, "*")
	}
	deep = pattern != shallow
	if strings.Contains(strings.ReplaceAll(pattern, `\.`, ""), ".") {
		return "", false // it stands for any character
	}
	pattern = escaped.ReplaceAllString(pattern, "$1")
	if !patternOfName.MatchString(pattern) {
		return "", false
	}
	return pattern, deep
}
