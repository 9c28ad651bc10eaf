package download

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

const (
	// tries is how often something is asked for in vain before it is given up.
	tries = 5
	// lookTries is the same for what moves nothing: a diff should not take long
	// to tell that nobody is there.
	lookTries = 3
	// allTries bounds them also where each brings a little.
	allTries = 100
	// progress is how much must have come for a try not to be in vain.
	progress = 1 << 20

	firstWait   = time.Second
	longestWait = 30 * time.Second
	// patience is the longest that a server may ask to be left alone.
	patience = 120 * time.Second
)

// A patient one tries again what failed on the way to a server.
type patient struct {
	client *Client
	tries  int
	vain   int // tries since the last that brought something
	all    int
	next   time.Duration
}

func (c *Client) patient(tries int) *patient {
	return &patient{client: c, tries: tries, next: firstWait}
}

// again waits for the next try, or gives the error that ends it all.
func (p *patient) again(ctx context.Context, err error, brought int64) error {
	if !fault.IsConnection(err) || ctx.Err() != nil {
		return err
	}
	p.vain, p.all = p.vain+1, p.all+1
	if brought >= progress {
		p.vain, p.next = 0, firstWait
	}
	wait := p.next
	var asked *waitError
	if errors.As(err, &asked) && asked.wait > 0 {
		wait = asked.wait
	}
	if p.vain >= p.tries || p.all >= allTries || wait > patience {
		return err
	}
	p.next = min(2*p.next, longestWait)
	if waited := p.client.pause(ctx, wait); waited != nil {
		return waited
	}
	return nil
}

// retryAfter reads how long a server asks to be left alone; 0: it does not say.
func retryAfter(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
