package runner

import (
	"iter"
	"math/bits"
)

// A set is a set of small numbers. With one bit for each, the steps before each of
// 10,000 steps take some megabytes.
type set []uint64

// newSet makes a set for the numbers from 0 up to, but not including, end.
func newSet(end int) set { return make(set, (end+63)/64) }

func (s set) add(i int) { s[i/64] |= 1 << (i % 64) }

func (s set) has(i int) bool { return i/64 < len(s) && s[i/64]&(1<<(i%64)) != 0 }

// addAll adds the numbers of another set, which has no greater ones than s may have.
func (s set) addAll(other set) {
	for i, word := range other {
		s[i] |= word
	}
}

// with returns the set with one more number, which may be greater than it had room for.
func (s set) with(i int) set {
	for len(s) <= i/64 {
		s = append(s, 0)
	}
	s.add(i)
	return s
}

// common returns how many numbers are in both sets.
func (s set) common(other set) int {
	n := 0
	for i := range min(len(s), len(other)) {
		n += bits.OnesCount64(s[i] & other[i])
	}
	return n
}

// all returns the numbers in ascending order.
func (s set) all() iter.Seq[int] {
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
