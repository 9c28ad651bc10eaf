package glanceupload

import (
	"os"

	"github.com/bayplan/bayplan/runner"
)

// rememberWritten keeps the SHA-512 of a file that a step has just written and hashed
// while it wrote it, so that the file is not read again for it. It must be called at
// once: the digest is remembered of the file that has the name by now.
func rememberWritten(w runner.World, path, sum string) {
	if fi, err := os.Stat(path); err == nil {
		w.Remember(path, runner.Identify(fi), map[runner.Algo]string{runner.SHA512: sum})
	}
}
