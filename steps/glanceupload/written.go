package glanceupload

import (
	"os"

	"github.com/bayplan/bayplan/runner"
)

// A writtenFile is a file that a step has just written, which hashed it on its
// way.
type writtenFile struct {
	path string
	sum  string // SHA-512
	seen runner.Sight
}

// seeWritten looks at files right after they were written.
func seeWritten(sums map[string]string) []writtenFile {
	var files []writtenFile
	for path, sum := range sums {
		if fi, err := os.Stat(path); err == nil {
			files = append(files, writtenFile{path, sum, runner.See(fi)})
		}
	}
	return files
}

// rememberWritten lets nobody read the files again who wants their digests, if
// they are still what they were.
func rememberWritten(w runner.World, files []writtenFile) {
	memory, ok := w.(runner.Rememberer)
	if !ok {
		return
	}
	for _, f := range files {
		if fi, err := os.Stat(f.path); err == nil && f.seen.Is(fi) {
			memory.Remember(f.path, runner.See(fi), map[runner.Algo]string{runner.SHA512: f.sum})
		}
	}
}
