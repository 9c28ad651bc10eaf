package archive

import "io"

// XZ decompresses xz for those who read other archives than tar, and gives up
// on streams that ask for a dictionary larger than window.
func XZ(r io.Reader, window int64) (io.Reader, error) { return newXZ(r, Limits{Window: window}) }
