package glanceupload

import (
	"os"

	"github.com/bayplan/bayplan/runner"
)

// rememberWritten keeps the SHA-512 of files, by path, that a step has just written
// and hashed on their way, so that they are not read again for it.
func rememberWritten(w runner.World, sums map[string]string) {
	for path, sum := range sums {
		if fi, err := os.Stat(path); err == nil {
			w.Remember(path, runner.Identify(fi), map[runner.Algo]string{runner.SHA512: sum})
		}
	}
}
