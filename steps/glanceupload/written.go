package glanceupload

import (
	"os"

	"github.com/bayplan/bayplan/runner"
)

// rememberWritten keeps the SHA-512, by path, of files that a step has just written and
// hashed while it wrote them. So they are not read again for it.
func rememberWritten(w runner.World, sums map[string]string) {
	for path, sum := range sums {
		if fi, err := os.Stat(path); err == nil {
			w.Remember(path, runner.Identify(fi), map[runner.Algo]string{runner.SHA512: sum})
		}
	}
}
