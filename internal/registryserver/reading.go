package registryserver

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// lostAfter is how long a request may send nothing while another one waits for its
// upload. An upload has one client: a connection that says nothing was lost, and the
// client came back on another one.
const lostAfter = 3 * time.Second

// A reading is the body of a request that is read into an upload.
type reading struct {
	mu    sync.Mutex               // requests that wait look at the one that works
	from  *http.ResponseController // nil: no body is read
	moved time.Time                // when its last bytes came
}

func (r *reading) begin(w http.ResponseWriter) { r.set(http.NewResponseController(w)) }
func (r *reading) end()                        { r.set(nil) }

func (r *reading) set(from *http.ResponseController) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.from, r.moved = from, time.Now()
}

// touch notes that bytes came.
func (r *reading) touch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moved = time.Now()
}

// endLost ends reading a body of which no bytes come.
func (r *reading) endLost() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.from != nil && time.Since(r.moved) >= lostAfter {
		_ = r.from.SetReadDeadline(time.Now()) // inside the process no connection is lost
	}
}

// lock waits until no other request works on the upload. It ends a request whose
// connection was lost.
func (u *upload) lock(ctx context.Context) error {
	for {
		select {
		case u.busy <- struct{}{}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lostAfter):
			u.reading.endLost()
		}
	}
}
