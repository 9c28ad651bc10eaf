// Package human words values for people: numbers of things, sizes, and the name
// that a misspelled one stands for. It takes plain values and gives text. What a
// plan, a step or an error is, and how a terminal shows text, is not known here.
package human
