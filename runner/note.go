package runner

import "time"

// The notes that a job sends while it runs.
type (
	// changing: the job is about to apply the change. It waits until ack says that
	// this is recorded.
	changing struct {
		change *Change
		ack    chan<- error
	}
	// retrying: an attempt failed, and the next one follows after wait.
	retrying struct {
		attempt int
		wait    time.Duration
		err     error
	}
	// claiming: the job has looked at the world, and waits until ack says whether another step of
	// the run fills one of these places with another content.
	claiming struct {
		node  *Node
		fills map[string]Content
		ack   chan<- error
	}
	// itemDone: one item of the change is finished.
	itemDone struct{ item Item }
	// panicked: the stack, for whoever fixes the panic.
	panicked struct{ stack string }
)
