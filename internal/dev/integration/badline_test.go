//go:build integration

package integration

import (
	"testing"
)

// TestBadLine mirrors a layer over a line that resets each connection after a small
// part of it, in both directions and to each kind of registry. It arrives, and little
// is sent twice.
func TestBadLine(t *testing.T) {
	const reset = 4 << 20
	source := rawRegistry{url: startRegistry(t, t.TempDir())}
	m := newSetMaker(t, source, sizes{base: 64 << 20, service: 1 << 10, own: 1 << 10})
	m.image(1)
	images := m.set
	for _, kind := range registryKinds() {
		for _, line := range []struct {
			name           string
			sent, received int64
			pulled, pushed float64
		}{
			{"pull", 0, reset, 1.1, 1.01},
			// Up to two connections are reset before the pieces are small enough. What was sent
			// in vain is read from the source again.
			{"push", reset / 2, 0, 1.25, 1.1},
		} {
			t.Run(line.name+" with "+kind.name, func(t *testing.T) {
				dest := rawRegistry{url: kind.start(t)}
				from, to := newTCPProxy(t, source.url), newTCPProxy(t, dest.url)
				from.resetReceived, to.resetSent = line.received, line.sent
				s := newMirror(t, images, connectionTo(upstreamHost, from.url, ""), connectionTo(localHost, to.url, ""), "")
				s.mustRun(t, 0, []string{"apply"}, "1 changed, 0 unchanged, 0 failed")
				images.checkAt(t, dest)
				pulled, pushed := ratio(from.received.Load(), images), ratio(to.sent.Load(), images)
				t.Logf("pulled %.3f times what there is, pushed %.3f; %d and %d resets", pulled, pushed, from.resets.Load(), to.resets.Load())
				if from.resets.Load()+to.resets.Load() == 0 {
					t.Error("no connection was reset")
				}
				if pulled > line.pulled || pushed > line.pushed {
					t.Errorf("pulled %.3f times what there is, pushed %.3f; want at most %.2f and %.2f", pulled, pushed, line.pulled, line.pushed)
				}
			})
		}
	}
}
