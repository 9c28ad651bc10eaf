package view

import (
	"os"
	"time"
)

// A ticker calls a function again and again, in a goroutine of its own.
type ticker struct{ quit, done chan struct{} }

// start calls do every so often with nil, and with each signal that comes, until stop.
func (t *ticker) start(every time.Duration, signals <-chan os.Signal, do func(os.Signal)) {
	t.quit, t.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(t.done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			var s os.Signal
			select {
			case <-t.quit:
				return
			case <-tick.C:
			case s = <-signals:
			}
			do(s)
		}
	}()
}

// stop ends the calls. It waits for the last one.
func (t *ticker) stop() {
	if t.quit != nil {
		close(t.quit)
		<-t.done
		t.quit = nil
	}
}
