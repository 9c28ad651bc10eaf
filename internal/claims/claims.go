// Package claims finds out when two parties fill one place with different contents. It does not
// know what the places are.
package claims

import (
	"maps"
	"slices"
	"strings"
)

// A Content is what is known of what comes to a place.
type Content struct {
	Digests []string `json:"digests,omitempty"` // ALGORITHM:HEX, or another KEY:VALUE, one of an algorithm; none: not known
	Size    int64    `json:"size,omitempty"`    // bytes; 0: not known
	Name    string   `json:"name,omitempty"`    // of the place, for people; "": they know it by the name that all parties have for it
}

// Differs reports whether two contents surely differ. Digests of two algorithms say nothing.
func (c Content) Differs(other Content) bool {
	mine, theirs := c.common(other)
	if mine == "" {
		return c.Size > 0 && other.Size > 0 && c.Size != other.Size
	}
	return mine != theirs
}

// common gives digests of the two contents by one algorithm: those that differ, or else the first that
// both have.
func (c Content) common(other Content) (mine, theirs string) {
	for _, one := range c.Digests {
		algorithm, _, _ := strings.Cut(one, ":")
		for _, another := range other.Digests {
			switch {
			case !strings.HasPrefix(another, algorithm+":"):
			case one != another:
				return one, another
			case mine == "":
				mine, theirs = one, another
			}
		}
	}
	return mine, theirs
}

// A Conflict is a place that another party fills with something else.
type Conflict struct {
	Place, Other string // the place, and who fills it
	Mine, Theirs Content
}

// Digests gives the two digests that differ, "" if only the sizes are known to.
func (c *Conflict) Digests() (mine, theirs string) { return c.Mine.common(c.Theirs) }

// A Table holds who fills which place. Its zero value is empty. It is for use by one goroutine at
// a time.
type Table struct {
	by map[string][]claim // one of each party
}

type claim struct {
	who     string
	content Content
}

// Claim enters what somebody fills. It enters nothing and returns a Conflict, the first by name,
// if another one fills a place with something else. What the same party has claimed before may
// change.
func (t *Table) Claim(who string, contents map[string]Content) *Conflict {
	names := slices.Sorted(maps.Keys(contents))
	for _, name := range names {
		for _, c := range t.by[name] {
			if c.who != who && c.content.Differs(contents[name]) {
				return &Conflict{name, c.who, contents[name], c.content}
			}
		}
	}
	if t.by == nil {
		t.by = map[string][]claim{}
	}
	for _, name := range names {
		mine := claim{who, contents[name]}
		if i := slices.IndexFunc(t.by[name], func(c claim) bool { return c.who == who }); i >= 0 {
			t.by[name][i] = mine
		} else {
			t.by[name] = append(t.by[name], mine)
		}
	}
	return nil
}
