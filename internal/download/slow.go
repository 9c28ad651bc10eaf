package download

import (
	"fmt"
	"io"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

const (
	// A server that sends less than slowBytes in slowSpan counts as stalled.
	// The transport detects a server that sends nothing.
	slowSpan  = 60 * time.Second
	slowBytes = 16 << 10
)

// A slowGuard ends the reading of a body that is too slow.
type slowGuard struct {
	r     io.Reader
	n     int64         // bytes of this span
	spent time.Duration // waiting time of this span
}

func newSlowGuard(r io.Reader) *slowGuard { return &slowGuard{r: r} }

// Read counts only the time in which it waits for the server. A slow disk does not
// count.
func (g *slowGuard) Read(p []byte) (int, error) {
	before := time.Now()
	n, err := g.r.Read(p)
	g.n += int64(n)
	if g.spent += time.Since(before); g.spent < slowSpan {
		return n, err
	}
	if g.n < slowBytes && err == nil {
		return n, fault.AsConnection(fmt.Errorf("stalled: only %d bytes in %v", g.n, g.spent.Round(time.Second)))
	}
	g.n, g.spent = 0, 0
	return n, err
}
