// Package tagselect chooses tags of repositories: by patterns, by a range of versions and
// by age, in stages that can be explained tag by tag. It asks a Lister for tags and knows
// neither registries nor lock files.
package tagselect

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/version"
)

// A Rule says which tags of a repository are chosen. Its stages follow each other in the
// order of the fields. A stage without a setting is left out.
type Rule struct {
	Match   []string // expressions, of which one matches all of the tag
	Except  []string // expressions, of which none does
	Version string   // the range that the tag is in
	Newest  int      // how many stay, the newest by version; 0 for all
	Also    []string // tags that are added whatever the stages say
}

// Text writes the rule in one line. Rules that choose differently have different texts.
func (r Rule) Text() string {
	var parts []string
	for _, p := range r.Match {
		parts = append(parts, "match "+quote(p))
	}
	for _, p := range r.Except {
		parts = append(parts, "except "+quote(p))
	}
	if r.Version != "" {
		parts = append(parts, "version "+quote(r.Version))
	}
	if r.Newest > 0 {
		parts = append(parts, "newest "+strconv.Itoa(r.Newest))
	}
	for _, tag := range r.Also {
		parts = append(parts, "also "+quote(tag))
	}
	return strings.Join(parts, " ")
}

// quote writes a text in single quotes, as YAML does.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Pattern reads a regular expression of whole tags.
func Pattern(text string) (*regexp.Regexp, error) {
	if _, err := lazyregexp.Written(text); err != nil {
		return nil, err // it has the text as the plan has it
	}
	return regexp.Compile(`^(?:` + text + `)$`)
}

// A stage removes tags.
type stage struct {
	text string
	keep func(tags []string, fell func(tag, why string)) []string
}

// stages gives the stages of the rule.
func (r Rule) stages() ([]stage, error) {
	all := []stage{{"signatures and the like", withoutSignatures}}
	var errs []error
	patterns := func(word string, texts []string, want bool) {
		if len(texts) == 0 {
			return
		}
		compiled := make([]*regexp.Regexp, len(texts))
		quoted := make([]string, len(texts))
		for i, text := range texts {
			var err error
			compiled[i], err = Pattern(text)
			errs, quoted[i] = append(errs, err), quote(text)
		}
		s := stage{text: word + " " + strings.Join(quoted, " or ")}
		s.keep = keepMatching(compiled, want)
		all = append(all, s)
	}
	patterns("match", r.Match, true)
	patterns("except", r.Except, false)
	if r.Version != "" {
		in, err := version.ParseRange(r.Version)
		errs = append(errs, err)
		all = append(all, stage{"version " + quote(r.Version), keepInRange(in)})
	}
	if r.Newest > 0 {
		all = append(all, stage{"newest " + strconv.Itoa(r.Newest), keepNewest(r.Newest)})
	}
	return all, errors.Join(errs...)
}

// signature is a tag under which signatures, attestations and the like are kept.
var signature = lazyregexp.New(`^sha256-[0-9a-f]{64}(\..*)?$`)

func withoutSignatures(tags []string, fell func(tag, why string)) []string {
	return filter(tags, fell, func(tag string) string {
		if signature.MatchString(tag) {
			return "it holds a signature or the like of another image"
		}
		return ""
	})
}

func keepMatching(patterns []*regexp.Regexp, want bool) func([]string, func(tag, why string)) []string {
	return func(tags []string, fell func(tag, why string)) []string {
		return filter(tags, fell, func(tag string) string {
			i := slices.IndexFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(tag) })
			switch {
			case want && i < 0:
				return "the pattern does not match all of it"
			case !want && i >= 0:
				return "the pattern matches it"
			}
			return ""
		})
	}
}

func keepInRange(in version.Range) func([]string, func(tag, why string)) []string {
	return func(tags []string, fell func(tag, why string)) []string {
		return filter(tags, fell, func(tag string) string {
			v := version.Parse(tag)
			switch {
			case in.Contains(v):
				return ""
			case v.Class() == version.Word:
				return "it names no version"
			case v.IsPreRelease():
				return "it is not in the range, in which pre-releases count only where a bound names one"
			case v.Class() == version.Date:
				return "it is not in the range: it is a date"
			}
			return "it is not in the range"
		})
	}
}

func keepNewest(n int) func([]string, func(tag, why string)) []string {
	return func(tags []string, fell func(tag, why string)) []string {
		tags = filter(tags, fell, func(tag string) string {
			if version.Parse(tag).Class() == version.Word {
				return "it names no version"
			}
			return ""
		})
		version.NewestFirst(tags)
		if len(tags) <= n {
			return tags
		}
		why := fmt.Sprintf("%s is newer", tags[n-1])
		if n > 1 {
			why = fmt.Sprintf("%s are newer, from %s on", human.Count(n, "tag", "tags"), tags[n-1])
		}
		for _, tag := range tags[n:] {
			fell(tag, why)
		}
		return tags[:n]
	}
}

// filter removes the tags for which why gives a reason.
func filter(tags []string, fell func(tag, why string), why func(tag string) string) []string {
	return slices.DeleteFunc(tags, func(tag string) bool {
		reason := why(tag)
		if reason != "" {
			fell(tag, reason)
		}
		return reason != ""
	})
}
