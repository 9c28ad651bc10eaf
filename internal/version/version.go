// Package version orders the tags of images by the versions that they name, and
// says which of them are versions and which are pre-releases. It knows the forms
// of PEP 440, semantic versions, Debian, Maven, dates and build numbers as they
// occur in tags. It does not know registries.
//
// Where these forms contradict each other, tags decide:
//
//   - Behind a hyphen, digits alone are a build, which follows the release:
//     13.0-43 is newer than 13.0.
//   - A word for a pre-release comes before the release, also behind a build: 1.0-rc1,
//     1.0.Beta2, 1.0b2, 1.0-123-rc1.
//   - Another word behind the release or a hyphen is a variant of the release. It
//     comes just before the release and after its pre-releases: 1.25-alpine,
//     1.0.Tech2. A single letter right behind the release is a patch: 1.1.1w. So are a, b
//     and c behind three numbers or more: 1.1.1b, but not 1.0b.
//   - A word for a pre-release may also come before the version: app-dev-1.0 is older
//     than app-1.0.
//   - What follows + or _ is local, and comes after the release.
package version

import (
	"cmp"
	"slices"
	"strings"
)

// A Class is the kind of a tag. A greater class is newer: tags of different
// classes have no common order, so that a version never loses to a date.
type Class int

const (
	// Word is a tag that names no version: latest, or a commit id.
	Word Class = iota
	// Prefixed is a version behind a word: release-1.2. Such tags are ordered among
	// those with the same word.
	Prefixed
	// Date is a day, perhaps with a time or a count: 20240131, 2024-01-31, 20240131.2.
	Date
	// Number is a version.
	Number
)

// A Version is a tag that was read. The zero Version is the empty tag.
type Version struct {
	class   Class
	prefix  string   // of a Prefixed tag
	pre     bool     // the prefix says that it is not a release
	behind  Class    // of what is behind the prefix
	epoch   string   // digits
	release []string // digits; without zeros at the end
	suffix  []token
	text    string
}

// Parse reads a tag. Every text is a tag; Class says what it is.
func Parse(tag string) Version {
	v := Version{text: tag}
	if isCommitID(tag) || v.read(leadingV.ReplaceAllString(tag, "$1")) {
		return v
	}
	if first := strings.IndexAny(tag, "0123456789"); first > 0 && !isCommitID(tag[first:]) {
		v.read(tag[first:])
		v.behind, v.class, v.prefix = v.class, Prefixed, tag[:first]
		v.pre = isPrePrefix(v.prefix)
	}
	return v
}

// Class gives the kind of the tag.
func (v Version) Class() Class { return v.class }

// IsVersion reports whether the tag is a version. A date and a commit id are not.
func (v Version) IsVersion() bool { return v.class == Number }

// IsPreRelease reports whether the tag comes before a release, as 1.0-rc1 does
// before 1.0. A variant of a release, such as 1.25-alpine, is not a pre-release.
func (v Version) IsPreRelease() bool {
	for i, t := range v.suffix {
		switch {
		case t.rank == rankLocal:
			return false
		case t.rank == rankDev || t.rank == rankPre, t.rank == rankTilde && i == 0:
			return true
		}
	}
	return false
}

// String gives the tag as it was read.
func (v Version) String() string { return v.text }

// Compare compares by version alone: 1.0, v1.0 and 1.0.0 are equal. The newer
// version is greater. Tags of the class Word are compared as text.
func (v Version) Compare(w Version) int {
	if v.class == w.class && v.pre != w.pre {
		if v.pre {
			return -1
		}
		return 1
	}
	if c := cmp.Or(cmp.Compare(v.class, w.class), cmp.Compare(v.prefix, w.prefix), cmp.Compare(v.behind, w.behind)); c != 0 {
		return c
	}
	if v.class == Word {
		return cmp.Compare(v.text, w.text)
	}
	return cmp.Or(
		compareDigits(v.epoch, w.epoch),
		slices.CompareFunc(v.release, w.release, compareDigits),
		slices.CompareFunc(v.suffix, w.suffix, token.compare),
	)
}

// Compare compares two tags by version, and equal versions as text, so that only
// equal tags are equal: an order must not depend on the registry's. The newer
// one is greater.
func Compare(a, b string) int {
	return cmp.Or(Parse(a).Compare(Parse(b)), cmp.Compare(a, b))
}

// NewestFirst sorts tags by version. Those that name none come last.
func NewestFirst(tags []string) {
	read := make(map[string]Version, len(tags))
	for _, tag := range tags {
		read[tag] = Parse(tag)
	}
	slices.SortFunc(tags, func(a, b string) int {
		return cmp.Or(read[b].Compare(read[a]), cmp.Compare(b, a))
	})
}

// compareDigits compares numbers of any length. Text without digits is 0.
func compareDigits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
