package upload

import "testing"

// The pieces for a host follow what passes there.
func TestPieces(t *testing.T) {
	const mebibyte = 1 << 20
	var w ways
	steps := []struct {
		name string
		do   func()
		want int64
	}{
		{"nothing broke", func() {}, 0},
		{"a blob broke", func() { w.cut("h", 30*mebibyte) }, 10 * mebibyte},
		{"another host's broke", func() { w.cut("other", mebibyte) }, 10 * mebibyte},
		{"large pieces passed", func() { w.passed("h") }, 10 * mebibyte},
		{"a piece broke", func() { w.cutPiece("h", 10*mebibyte, 3*mebibyte) }, 1 * mebibyte},
		{"small pieces passed", func() { w.passed("h") }, 2 * mebibyte},
		{"they passed again", func() { w.passed("h") }, 4 * mebibyte},
		{"they are large now", func() { w.passed("h") }, 4 * mebibyte},
		{"one of them broke", func() { w.cutPiece("h", 4*mebibyte, 3*mebibyte) }, 1 * mebibyte},
		{"smaller ones passed", func() { w.passed("h") }, 2 * mebibyte},
		{"what broke is not tried again", func() { w.passed("h") }, 2 * mebibyte},
		{"a piece broke at once", func() { w.cutPiece("h", 2*mebibyte, 1) }, minPiece},
	}
	for _, s := range steps {
		s.do()
		if got := w.of("h").piece; got != s.want {
			t.Errorf("%s: pieces of %d bytes, want %d", s.name, got, s.want)
		}
	}
}

// What is known about a host does not become better by another blob.
func TestWorseStays(t *testing.T) {
	var w ways
	w.learn("h", inPieces)
	w.learn("h", byOffset)
	if w.of("h").kind != inPieces {
		t.Errorf("got %v", w.of("h").kind)
	}
}
