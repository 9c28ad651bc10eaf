package dag

import (
	"iter"
	"math/bits"
)

// A Set is a set of small numbers. With one bit for each, the steps before each of
// 10,000 steps take some megabytes.
type Set []uint64

// newSet makes a Set for the numbers from 0 up to, but not including, end.
func newSet(end int) Set { return make(Set, (end+63)/64) }

func (s Set) add(i int) { s[i/64] |= 1 << (i % 64) }

// Has reports whether a number is in the set.
func (s Set) Has(i int) bool { return i/64 < len(s) && s[i/64]&(1<<(i%64)) != 0 }

// addAll adds the numbers of another Set, which has no greater ones than s may have.
func (s Set) addAll(other Set) {
	for i, word := range other {
		s[i] |= word
	}
}

// With returns the set with one more number, which may be greater than it had room for.
func (s Set) With(i int) Set {
	for len(s) <= i/64 {
		s = append(s, 0)
	}
	s.add(i)
	return s
}

// Common returns how many numbers are in both sets.
func (s Set) Common(other Set) int {
	n := 0
	for i := range min(len(s), len(other)) {
		n += bits.OnesCount64(s[i] & other[i])
	}
	return n
}

// All returns the numbers in ascending order.
func (s Set) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(64*i + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}
