package glanceupload

import (
	"context"
	"os"
	"sync"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// writtenFiles are the files that an apply has written and hashed on their way.
// Each is identified at once: others may be on their way for long, and somebody may
// change it meanwhile.
type writtenFiles struct {
	mu  sync.Mutex // images and boot files are written beside each other
	all []writtenFile
}

type writtenFile struct {
	path, sha512 string
	id           runner.FileID
}

// add notes a file that was written just now.
func (w *writtenFiles) add(path, sha512 string) {
	fi, err := os.Stat(path)
	if err != nil {
		return // whoever looks at it will tell
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, writtenFile{path, sha512, runner.Identify(fi)})
}

// place places a boot file.
func (w *writtenFiles) place(ctx context.Context, b hostfiles.Copy, p runner.Progress) error {
	err := b.Do(ctx, p)
	if err == nil && !b.AttributesOnly {
		w.add(b.To, b.SHA512)
	}
	return err
}

// remember keeps the digests of the files that are still what was written, so that
// they are not read again for them.
func (w *writtenFiles) remember(in runner.World) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.all {
		if fi, err := os.Stat(f.path); err == nil && f.id.Is(fi) {
			in.Remember(f.path, runner.Identify(fi), map[runner.Algo]string{runner.SHA512: f.sha512})
		}
	}
}
