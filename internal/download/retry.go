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
	// fetchTries is the number of attempts without progress before a download
	// fails.
	fetchTries = 5
	// sourceTries is the same for a Source, which repeats its requests itself.
	sourceTries = 1
	// lookTries is the same for small requests: a diff should not take long to
	// report that a server is down.
	lookTries = 3
	// maxTries is the number of all attempts, also with a little progress each.
	maxTries = 100
	// minProgress is how many bytes an attempt must bring to count as progress.
	minProgress = 1 << 20

	firstWait   = time.Second
	longestWait = 30 * time.Second
	// maxRetryAfter is the longest wait that a server may ask for.
	maxRetryAfter = 120 * time.Second
)

// A retrier decides whether and when to repeat a failed request.
type retrier struct {
	client   *Client
	tries    int
	failures int // attempts since the last progress
	total    int
	next     time.Duration
}

func (c *Client) newRetrier(tries int) *retrier {
	return &retrier{client: c, tries: tries, next: firstWait}
}

// wait waits before the next attempt, or returns the error to give up with.
// brought is the number of bytes of the last attempt.
func (r *retrier) wait(ctx context.Context, err error, brought int64) error {
	if !fault.IsConnection(err) || ctx.Err() != nil {
		return err
	}
	r.failures, r.total = r.failures+1, r.total+1
	if brought >= minProgress {
		r.failures, r.next = 0, firstWait
	}
	wait := r.next
	var asked *waitError
	if errors.As(err, &asked) && asked.wait > 0 {
		wait = asked.wait
	}
	if r.failures >= r.tries || r.total >= maxTries || wait > maxRetryAfter {
		return err
	}
	r.next = min(2*r.next, longestWait)
	if waited := r.client.pause(ctx, wait); waited != nil {
		return waited
	}
	return nil
}

// retryAfter returns how long a server asks to wait; 0 if it does not say.
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
