package view

import "time"

// rateWindow is the time over which a rate is taken. A shorter one jumps, a longer one
// hides that a transfer stands still.
const rateWindow = 10 * time.Second

// A meter measures how fast bytes move.
type meter struct{ samples []sample }

type sample struct {
	at    time.Time
	bytes int64
}

// add notes how many bytes have moved by a time.
func (m *meter) add(at time.Time, bytes int64) {
	m.samples = append(m.samples, sample{at, bytes})
	for len(m.samples) > 1 && at.Sub(m.samples[1].at) >= rateWindow {
		m.samples = m.samples[1:]
	}
}

// rate returns the bytes in a second over the last rateWindow, and false while there is
// too little to tell.
func (m *meter) rate(now time.Time) (float64, bool) {
	if len(m.samples) == 0 {
		return 0, false
	}
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	for _, s := range m.samples {
		if now.Sub(s.at) >= rateWindow {
			first = s
		}
	}
	took := now.Sub(first.at)
	if took < time.Second {
		return 0, false
	}
	return float64(last.bytes-first.bytes) / took.Seconds(), true
}
