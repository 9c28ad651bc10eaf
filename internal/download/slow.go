package download

import (
	"fmt"
	"io"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

const (
	// slowSpan and slowLeast say which server is as good as gone: one that
	// brings less than slowLeast bytes in slowSpan. That nothing comes at all
	// the transport tells.
	slowSpan  = 60 * time.Second
	slowLeast = 16 << 10
)

// A slowGuard gives up on a body that only drips.
type slowGuard struct {
	r     io.Reader
	n     int64         // bytes of this span
	spent time.Duration // time that was waited for them
}

func newSlowGuard(r io.Reader) *slowGuard { return &slowGuard{r: r} }

// Read counts only the time in which it waits for the server: a slow disk is
// not the server's fault.
func (g *slowGuard) Read(p []byte) (int, error) {
	before := time.Now()
	n, err := g.r.Read(p)
	g.n += int64(n)
	if g.spent += time.Since(before); g.spent < slowSpan {
		return n, err
	}
	if g.n < slowLeast && err == nil {
		return n, fault.AsConnection(fmt.Errorf("stalled: %d bytes came in %v", g.n, g.spent.Round(time.Second)))
	}
	g.n, g.spent = 0, 0
	return n, err
}
