package registry

import (
	"sync"

	"github.com/regclient/regclient/types/ref"
)

// manifestPuts lets one goroutine at a time put a manifest at a registry, and
// puts it by its digest into a repository only once. Registries keep a manifest
// as one file for all repositories, and readers see a damaged file while it is
// written for the second time.
type manifestPuts struct {
	mu  sync.Mutex // several images are published at a time
	all map[manifestPutKey]*manifestPut
}

type manifestPutKey struct{ registry, digest string }

type manifestPut struct {
	mu           sync.Mutex      // held while the manifest is put
	repositories map[string]bool // the repositories that have it
}

// put runs do for a manifest, unless the repository has it.
func (p *manifestPuts) put(repo ref.Ref, m put, do func() error) error {
	one := p.of(manifestPutKey{repo.Registry + repo.Path, m.digest})
	one.mu.Lock()
	defer one.mu.Unlock()
	if m.tag == "" && one.repositories[repo.Repository] {
		return nil
	}
	err := do()
	if err == nil {
		one.repositories[repo.Repository] = true
	}
	return err
}

func (p *manifestPuts) of(key manifestPutKey) *manifestPut {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[manifestPutKey]*manifestPut{}
	}
	if p.all[key] == nil {
		p.all[key] = &manifestPut{repositories: map[string]bool{}}
	}
	return p.all[key]
}
