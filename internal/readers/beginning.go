package readers

import "bytes"

// A Beginning is a writer that keeps the first Max bytes of what is written to it. The
// buffer is not embedded: its ReadFrom would keep all.
type Beginning struct {
	Max  int
	kept bytes.Buffer
	cut  bool
}

// Write keeps what there is room for.
func (b *Beginning) Write(p []byte) (int, error) {
	room := b.Max - b.kept.Len()
	b.cut = b.cut || len(p) > room
	b.kept.Write(p[:min(len(p), room)])
	return len(p), nil
}

// Bytes gives what was kept.
func (b *Beginning) Bytes() []byte { return b.kept.Bytes() }

// String gives what was kept.
func (b *Beginning) String() string { return b.kept.String() }

// IsCut reports whether more was written than was kept.
func (b *Beginning) IsCut() bool { return b.cut }
