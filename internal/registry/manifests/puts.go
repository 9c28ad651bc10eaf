package manifests

import (
	"sync"

	"github.com/regclient/regclient/types/ref"
)

// Puts lets one goroutine at a time put a manifest at a registry, and puts it by its
// digest into a repository only once. Registries keep a manifest as one file for all
// repositories, and readers see a damaged file while it is written for the second time.
type Puts struct {
	mu  sync.Mutex // several images are published at a time
	all map[putKey]*onePut
}

type putKey struct{ registry, digest string }

type onePut struct {
	mu           sync.Mutex      // held while the manifest is put
	repositories map[string]bool // the repositories that have it
}

// Put runs do for a manifest, unless it has no tag and the repository has it.
func (p *Puts) Put(repo ref.Ref, digest, tag string, do func() error) error {
	one := p.of(putKey{repo.Registry + repo.Path, digest})
	one.mu.Lock()
	defer one.mu.Unlock()
	if tag == "" && one.repositories[repo.Repository] {
		return nil
	}
	err := do()
	if err == nil {
		one.repositories[repo.Repository] = true
	}
	return err
}

func (p *Puts) of(key putKey) *onePut {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[putKey]*onePut{}
	}
	if p.all[key] == nil {
		p.all[key] = &onePut{repositories: map[string]bool{}}
	}
	return p.all[key]
}
