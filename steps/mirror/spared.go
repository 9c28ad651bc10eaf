package mirror

import (
	"sync"

	"github.com/bayplan/bayplan/runner"
)

// A copyProgress also counts the blobs that need not be moved. Many goroutines may use
// it at once.
type copyProgress struct {
	runner.Progress

	mu              sync.Mutex
	mounted, shared runner.Count
}

// spared counts a blob that the destination has mounted, or that another step or
// destination has brought.
func (p *copyProgress) spared(mounted bool, size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	count := &p.shared
	if mounted {
		count = &p.mounted
	}
	count.N++
	count.Bytes += size
}

// counts gives what was counted.
func (p *copyProgress) counts() []runner.Count {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mounted.What, p.shared.What = "blob mounted", "blob shared"
	var all []runner.Count
	for _, c := range []runner.Count{p.mounted, p.shared} {
		if c.N > 0 {
			all = append(all, c)
		}
	}
	return all
}
