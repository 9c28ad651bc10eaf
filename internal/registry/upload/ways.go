package upload

import "sync"

// A wayKind is what a registry does with an upload that broke.
type wayKind int

const (
	unknown  wayKind = iota
	byOffset         // it keeps what came, and goes on from there
	inPieces         // it refuses the upload: it has to arrive in pieces that do not break
	inOne            // it takes no pieces either
)

// A way is how blobs get to a registry over a line that breaks.
type way struct {
	kind  wayKind
	piece int64 // the largest piece, 0: nothing broke yet
	most  int64 // what a piece may grow to, 0: any size
}

// ways are the ways to the hosts of a client.
type ways struct {
	mu  sync.Mutex // several blobs move at a time
	all map[string]way
}

func (w *ways) of(host string) way {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all[host]
}

// learn notes what a host does. What is known to be worse stays.
func (w *ways) learn(host string, kind wayKind) {
	w.change(host, func(h *way) { h.kind = max(h.kind, kind) })
}

const (
	// share is the part of what was sent before a break that a piece may have. It is
	// less than half, because some of what was sent lay in buffers and did not pass.
	share = 3
	// minPiece is the smallest piece: below it, the round trips cost more than the
	// bytes.
	minPiece = 256 << 10
	// largePiece is a piece beside which the round trip does not count.
	largePiece = 4 << 20
)

// cut notes that a connection broke after some bytes of a whole blob had been sent on
// it.
func (w *ways) cut(host string, sent int64) {
	w.change(host, func(h *way) { h.piece = max(sent/share, minPiece) })
}

// cutPiece notes that a connection broke in a piece.
func (w *ways) cutPiece(host string, size, sent int64) {
	w.change(host, func(h *way) {
		h.most = max(size/2, minPiece)
		h.piece = min(h.piece, max(sent/share, minPiece), h.most)
	})
}

// passed notes that all pieces of a blob have passed. The next blob has larger ones
// where they were small: the break that made them so may have been an accident.
func (w *ways) passed(host string) {
	w.change(host, func(h *way) {
		larger := min(2*h.piece, largePiece)
		if h.most > 0 {
			larger = min(larger, h.most)
		}
		h.piece = max(h.piece, larger)
	})
}

func (w *ways) change(host string, do func(*way)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[string]way{}
	}
	h := w.all[host]
	do(&h)
	w.all[host] = h
}
