package convert

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// syncRegistry adds a selection for each repository of a registry, or for each pattern of
// them, that an entry names.
func (r *reader) syncRegistry(e syncEntry, base entry) error {
	if _, _, err := splitTarget(e.source, "x"); err != nil || strings.Contains(e.source, "/") {
		return fmt.Errorf("its source %q is not a registry", e.source)
	}
	names, err := repositories(e)
	if err != nil {
		return err
	}
	host, path, _ := strings.Cut(e.target, "/")
	if path != "" {
		path = strings.TrimRight(path, "/") + "/"
	}
	for _, repository := range names {
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
	patternOfName = lazyregexp.New(`^[a-z0-9_./*-]+$`)
	escaped       = lazyregexp.New(`\\([./_-])`)
	anyText       = lazyregexp.New(`(^|[/._-])?(\.|\[\^/\])([*+])`)
)

// repositories gives the repositories of an entry of a whole registry, as names or as
// patterns.
func repositories(e syncEntry) ([]string, error) {
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
		pattern := repositoryPattern(text)
		switch {
		case pattern == "":
			return nil, fmt.Errorf("the expression %q of repositories is not a pattern of * and **", text)
		case !strings.Contains(pattern, "*"):
			if !slices.ContainsFunc(deny, func(p string) bool { return regexp.MustCompile(`^(?:` + p + `)$`).MatchString(pattern) }) {
				all = append(all, pattern)
			}
			continue
		case len(deny) > 0:
			return nil, errors.New("a selection has no rule for repositories that are left out: write those that stay under repos.allow")
		}
		all = append(all, pattern)
	}
	return all, nil
}

// repositoryPattern gives the pattern, or the name, that an expression of repositories
// stands for, "" for none. A name never ends in what stands before a + there, so that the
// star, which also stands for no text, matches nothing else.
func repositoryPattern(text string) string {
	possible := true
	pattern := anyText.ReplaceAllStringFunc(text, func(part string) string {
		m := anyText.FindStringSubmatch(part)
		possible = possible && (m[3] == "*" || m[1] != "" || strings.HasPrefix(text, part))
		if m[2] == "." {
			return m[1] + "**"
		}
		return m[1] + "*"
	})
	if !possible || strings.Contains(strings.ReplaceAll(pattern, `\.`, ""), ".") {
		return "" // a dot stands for any character
	}
	pattern = escaped.ReplaceAllString(pattern, "$1")
	if !patternOfName.MatchString(pattern) {
		return ""
	}
	return pattern
}
