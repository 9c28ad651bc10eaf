package upload

import "testing"

// A slowSource says when it is read, and gives its bytes when it may.
type slowSource struct {
	read chan struct{}
	give chan string
}

func (s slowSource) Read(p []byte) (int, error) {
	s.read <- struct{}{}
	return copy(p, <-s.give), nil
}

// The source is not read by a request that has ended, and a Read that runs is waited
// for.
func TestPieceEnds(t *testing.T) {
	s := slowSource{make(chan struct{}), make(chan string)}
	p := &piece{from: s}
	go func() { _, _ = p.Read(make([]byte, 10)) }()
	<-s.read
	ended := make(chan int64)
	go func() { ended <- p.end() }()
	s.give <- "four"
	if n := <-ended; n != 4 {
		t.Errorf("ended after %d bytes, want 4", n)
	}
	if n, err := p.Read(make([]byte, 10)); n != 0 || err == nil {
		t.Errorf("read %d bytes after the end: %v", n, err)
	}
}
