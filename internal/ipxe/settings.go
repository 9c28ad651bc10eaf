package ipxe

import (
	"slices"
	"strings"
)

// settings are the settings of a script with one known value each.
type settings map[string]string

// settingsOf finds the settings that a script sets, and to one value only. It leaves out
// those that also come from elsewhere: from a person, or under a condition.
func settingsOf(all []command) settings {
	known, doubtful := settings{}, map[string]bool{}
	for _, c := range all {
		if len(c.words) < 2 {
			continue
		}
		switch name := c.words[1]; c.words[0] {
		case "set":
			name, kind, typed := strings.Cut(name, ":")
			value := strings.Join(c.words[2:], " ")
			old, again := known[name]
			if c.conditional || typed && kind != "string" || again && old != value || value == "" {
				doubtful[name] = true
			}
			known[name] = value
		case "clear", "read", "choose", "param", "inc", "dec":
			doubtful[c.words[len(c.words)-1]] = true
			doubtful[name] = true
		}
	}
	for name := range doubtful {
		delete(known, name)
	}
	return known
}

// maxExpanded is the longest text that expand makes, and maxRounds how many settings it
// replaces: a setting may name itself.
const (
	maxExpanded = 64 << 10
	maxRounds   = 100
)

// expand replaces the settings in a word whose values are known, the innermost first.
// The others stay as they are.
func (s settings) expand(word string) string {
	for range maxRounds {
		end, start := -1, -1
		for from := 0; ; {
			i := strings.IndexByte(word[from:], '}')
			if i < 0 {
				break
			}
			end = from + i
			start = strings.LastIndex(word[:end], "${")
			if start >= 0 && s.has(word[start+2:end]) {
				break
			}
			start, from = -1, end+1
		}
		if start < 0 || len(word) > maxExpanded {
			return word
		}
		word = word[:start] + s[nameOf(word[start+2:end])] + word[end+1:]
	}
	return word
}

// nameOf removes the type of a setting that leaves its text as it is.
func nameOf(setting string) string { return strings.TrimSuffix(setting, ":string") }

func (s settings) has(setting string) bool {
	_, ok := s[nameOf(setting)]
	return ok && !slices.Contains([]string{"", "."}, setting)
}
