// Package human puts values into words for people: counts, sizes, and suggestions
// for misspelled names. It takes plain values and returns text. It knows nothing
// of plans, steps, errors or terminals.
package human
