package main

import "fmt"

// goals returns the goals of mirror, without those that were not measured.
func (m *mirrorComparison) goals() []goal {
	bay := m.find(bayplanName)
	return append(m.countGoals(bay), m.timeGoals(bay)...)
}

// The requests that the protocol needs; a HEAD for each tag whose digest is not
// known, also in a warm run; and one page of the catalog.
const (
	leastSource = 177
	leastDest   = 511
	tagHeads    = setImages
	catalogPage = 1
)

func (m *mirrorComparison) countGoals(bay *result) []goal {
	if !bay.counted {
		return nil
	}
	exactly := func(what string, got int64) goal {
		return goal{what, fmt.Sprintf("%d of %d bytes", got, m.set.Unique), got == m.set.Unique}
	}
	requests := func(what string, got, most int) goal {
		return goal{fmt.Sprintf("%s, at most %d", what, most), fmt.Sprint(got), got <= most}
	}
	return []goal{
		exactly("each byte leaves the source once", bay.cold.source.BlobsOut),
		exactly("each byte reaches the destination once", bay.cold.dest.BlobsIn),
		requests("source requests, cold", bay.cold.source.Requests, leastSource),
		requests("destination requests, cold", bay.cold.dest.Requests, leastDest+catalogPage),
		requests("source requests, warm", bay.warm.source.Requests, tagHeads),
		requests("destination requests, warm", bay.warm.dest.Requests, setImages),
	}
}

// beforeGoals are the goals of a change that must cost nothing, with a margin for
// noise.
func beforeGoals(before, bay *result) []goal {
	const most = 1.02
	if len(before.coldTime) == 0 {
		return nil
	}
	goals := []goal{
		atMost("wall / before", quotient(bay.coldTime.WallTime(), before.coldTime.WallTime()), most),
		atMost("CPU / before", quotient(bay.coldTime.CPUTime(), before.coldTime.CPUTime()), most),
	}
	if len(before.farTime) > 0 && len(bay.farTime) > 0 {
		goals = append(goals, atMost("wall / before, distant source", quotient(bay.farTime.WallTime(), before.farTime.WallTime()), most))
	}
	return goals
}

func (m *mirrorComparison) timeGoals(bay *result) []goal {
	if len(bay.coldTime) == 0 {
		return nil
	}
	var goals []goal
	yard := m.find(yardstickName)
	if len(yard.coldTime) > 0 {
		goals = append(goals,
			atMost("wall / yardstick", quotient(bay.coldTime.WallTime(), yard.coldTime.WallTime()), 1.15),
			atMost("CPU / yardstick", quotient(bay.coldTime.CPUTime(), yard.coldTime.CPUTime()), 2))
	}
	if len(yard.farTime) > 0 && len(bay.farTime) > 0 {
		goals = append(goals, atMost("wall / yardstick, distant source", quotient(bay.farTime.WallTime(), yard.farTime.WallTime()), 1.05))
	}
	for _, r := range m.results {
		faster := 5.0
		switch r.tool.name {
		case yardstickName, bayplanName:
			continue
		case beforeName:
			goals = append(goals, beforeGoals(r, bay)...)
			continue
		case skopeoName:
			faster = 2
		}
		if len(r.coldTime) > 0 {
			goals = append(goals, atLeast("times as fast as "+r.tool.name, quotient(r.coldTime.WallTime(), bay.coldTime.WallTime()), faster))
		}
	}
	return append(goals, flatMemory(max(bay.coldTime.PeakMemory(), bay.farTime.PeakMemory())))
}
