package main

import (
	"bytes"
	"io"
)

// A nearWriter shows paths below the working directory as a person there would
// write them. It is for text that is written in whole lines.
type nearWriter struct {
	out  io.Writer
	here string // the working directory with a slash at its end; "" leaves all as it is
}

// near makes a nearWriter for the working directory dir.
func near(out io.Writer, dir string) io.Writer {
	if dir == "" || dir == "/" {
		return out
	}
	return nearWriter{out, dir + "/"}
}

// Write writes p with its paths shortened.
func (w nearWriter) Write(p []byte) (int, error) {
	if _, err := w.out.Write(bytes.ReplaceAll(p, []byte(w.here), nil)); err != nil {
		return 0, err
	}
	return len(p), nil
}
