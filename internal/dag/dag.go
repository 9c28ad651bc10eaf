// Package dag orders things that wait for one another, and finds the cycles that make that
// impossible. A thing is its number in a list; it knows not what things are.
package dag

import (
	"container/heap"
	"slices"
)

// An Order is the order of things that wait for one another.
type Order struct {
	Things []int // each after all that it waits for, and otherwise with the lowest number first
	Before []Set // by thing: the places in Things of all that come before it, directly or through others
	Stuck  []int // things on a cycle, or behind one
}

// Sort orders things. needs has for each what it waits for; a number that is no thing is
// waited for in vain.
func Sort(needs [][]int) Order {
	o := Order{Before: make([]Set, len(needs))}
	waits, behind, place := make([]int, len(needs)), followers(needs), make([]int, len(needs))
	ready := &numbers{}
	for i, all := range needs {
		if waits[i], place[i] = len(all), -1; len(all) == 0 {
			heap.Push(ready, i)
		}
	}
	for ready.Len() > 0 {
		i := heap.Pop(ready).(int)
		place[i] = len(o.Things)
		o.Before[i] = newSet(place[i])
		for _, from := range needs[i] {
			o.Before[i].add(place[from])
			o.Before[i].addAll(o.Before[from])
		}
		o.Things = append(o.Things, i)
		for _, next := range behind[i] {
			if waits[next]--; waits[next] == 0 {
				heap.Push(ready, next)
			}
		}
	}
	for i := range needs {
		if place[i] < 0 {
			o.Stuck = append(o.Stuck, i)
		}
	}
	return o
}

// followers gives, for each thing, those that wait for it.
func followers(needs [][]int) [][]int {
	behind := make([][]int, len(needs))
	for i, all := range needs {
		for _, from := range all {
			if from >= 0 && from < len(needs) {
				behind[from] = append(behind[from], i)
			}
		}
	}
	return behind
}

// Circular keeps the things that are on a cycle or between two cycles: each waits for one of
// them, and one of them waits for it.
func Circular(needs [][]int, things []int) []int {
	in, behind := map[int]bool{}, followers(needs)
	for _, i := range things {
		in[i] = true
	}
	waits, awaited := map[int]int{}, map[int]int{}
	for _, i := range things {
		waits[i], awaited[i] = count(needs[i], in), count(behind[i], in)
	}
	out := slices.DeleteFunc(slices.Clone(things), func(i int) bool { return waits[i] > 0 && awaited[i] > 0 })
	for len(out) > 0 {
		i := out[len(out)-1]
		if out = out[:len(out)-1]; !in[i] {
			continue
		}
		delete(in, i)
		for _, next := range behind[i] {
			if waits[next]--; waits[next] == 0 {
				out = append(out, next)
			}
		}
		for _, from := range needs[i] {
			if awaited[from]--; awaited[from] == 0 {
				out = append(out, from)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(things), func(i int) bool { return !in[i] })
}

func count(all []int, in map[int]bool) int {
	n := 0
	for _, i := range all {
		if in[i] {
			n++
		}
	}
	return n
}

// Cycle finds one cycle among things, each of which waits for another one of them. It begins
// with its lowest number, and each thing of it waits for the next one.
func Cycle(needs [][]int, things []int) []int {
	in := map[int]bool{}
	for _, i := range things {
		in[i] = true
	}
	var path []int
	for at, seen := things[0], map[int]int{}; ; {
		if first, again := seen[at]; again {
			path = path[first:]
			break
		}
		seen[at] = len(path)
		path = append(path, at)
		at = needs[at][slices.IndexFunc(needs[at], func(from int) bool { return in[from] })]
	}
	lowest := slices.Index(path, slices.Min(path))
	return slices.Concat(path[lowest:], path[:lowest])
}

// numbers is a heap.
type numbers []int

func (n numbers) Len() int           { return len(n) }
func (n numbers) Less(i, j int) bool { return n[i] < n[j] }
func (n numbers) Swap(i, j int)      { n[i], n[j] = n[j], n[i] }
func (n *numbers) Push(x any)        { *n = append(*n, x.(int)) }
func (n *numbers) Pop() any {
	last := len(*n) - 1
	x := (*n)[last]
	*n = (*n)[:last]
	return x
}
