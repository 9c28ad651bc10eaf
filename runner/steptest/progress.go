package steptest

import (
	"path/filepath"
	"sync"

	"github.com/bayplan/bayplan/runner"
)

// A Progress is a runner.Progress that keeps everything that it gets. Read its fields only
// after Apply has returned.
type Progress struct {
	Bytes int64 // sum of all calls of Add
	Items []runner.Item

	mu sync.Mutex
}

// Add implements runner.Progress.
func (p *Progress) Add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Bytes += n
}

// Done implements runner.Progress.
func (p *Progress) Done(it runner.Item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Items = append(p.Items, it)
}

// Lines returns one line for each finished item, in the order in which they were
// finished: operation, kind of thing, and last part of the name.
func (p *Progress) Lines() []string {
	var lines []string
	for _, it := range p.Items {
		lines = append(lines, string(it.Op)+" "+string(it.What)+" "+filepath.Base(it.Name))
	}
	return lines
}
