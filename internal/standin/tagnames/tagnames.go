// Package tagnames makes up tags that the rules of a selection choose, and some that they
// do not choose. It knows no registry.
package tagnames

import (
	"slices"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/tagselect"
)

// least is how many examples of one expression are tried at least.
const least = 40

var (
	tagName  = lazyregexp.New(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	bound    = lazyregexp.New(`[0-9][0-9A-Za-z.+_-]*`)
	versions = lazyregexp.New(`[0-9]+(?:\.[0-9]+)*`)
)

// For gives tags of a repository, of which the rule chooses at least as many as it can: two
// more than it wants. Besides these, the repository has a few tags that the rule does not
// choose.
func For(rule tagselect.Rule, atLeast int) []string {
	want := max(rule.Newest, atLeast, 1) + 2
	pool := candidates(rule, want)
	stages := rule
	stages.Newest, stages.Also = 0, nil
	choice, err := stages.Choose("example.com/a", pool)
	if err != nil {
		return nil // validating the plan reports it
	}
	chosen := choice.Chosen
	if rule.Newest > 0 { // words and commit ids are never the newest
		stages.Newest = len(chosen) + 1
		if choice, err = stages.Choose("example.com/a", pool); err == nil {
			chosen = choice.Chosen
		}
	}
	tags := chosen[:min(len(chosen), want)]
	others := slices.DeleteFunc(pool, func(tag string) bool { return slices.Contains(chosen, tag) })
	tags = slices.Concat(tags, others[:min(len(others), 3)], rule.Also)
	slices.Sort(tags)
	return slices.Compact(tags)
}

// candidates gives tags of which a rule may choose some, and many if many are wanted.
func candidates(rule tagselect.Rule, want int) []string {
	var pool []string
	seen := map[string]bool{}
	add := func(tags ...string) {
		for _, tag := range tags {
			if tagName.MatchString(tag) && !seen[tag] {
				seen[tag] = true
				pool = append(pool, tag)
			}
		}
	}
	near := nearBounds(rule.Version, want)
	for _, pattern := range rule.Match {
		for _, example := range Examples(pattern, max(least, want+want/4)) {
			for _, v := range near { // in place of the version that the example has
				if at := versions.FindStringIndex(example); at != nil {
					add(example[:at[0]] + v + example[at[1]:])
				}
			}
			add(example)
		}
	}
	add(near...)
	for i := range want {
		add("1.0." + strconv.Itoa(i))
	}
	add("1.1.0", "2.0.0", "2.1.0-rc1", "20260101", "latest", "main")
	return pool
}

// nearBounds gives versions on both sides of the bounds of a range, also with a v, and more of
// them behind each bound.
func nearBounds(text string, more int) []string {
	var near []string
	for _, b := range bound.FindAllString(text, -1) {
		near = append(near, b, b+".0", b+".1", b+"-1")
		for i := range more {
			near = append(near, b+"."+strconv.Itoa(i+2))
		}
		parts := strings.Split(b, ".")
		for i, part := range parts {
			n, err := strconv.Atoi(part)
			if err != nil {
				continue
			}
			for _, by := range []int{-1, 1, 2} {
				if n+by >= 0 {
					changed := slices.Clone(parts)
					changed[i] = strconv.Itoa(n + by)
					near = append(near, strings.Join(changed, "."))
				}
			}
		}
	}
	for _, v := range slices.Clone(near) {
		near = append(near, "v"+v)
	}
	return near
}
