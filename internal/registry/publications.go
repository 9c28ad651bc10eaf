package registry

import (
	"sync"

	"github.com/regclient/regclient/types/ref"
)

// publications have a manifest put at a registry by one goroutine at a time,
// and into a repository by its digest alone only once. Registries keep a
// manifest as one file for all repositories, and one that is being written for
// the second time looks damaged to those who read it then.
type publications struct {
	mu  sync.Mutex // images are published beside each other
	all map[publicationKey]*publication
}

type publicationKey struct{ registry, digest string }

type publication struct {
	turn sync.Mutex      // held while the manifest is put
	in   map[string]bool // repositories that have it
}

// put runs do for a manifest, unless that would do what was done before.
func (p *publications) put(repo ref.Ref, m put, do func() error) error {
	one := p.of(publicationKey{repo.Registry + repo.Path, m.digest})
	one.turn.Lock()
	defer one.turn.Unlock()
	if m.tag == "" && one.in[repo.Repository] {
		return nil
	}
	err := do()
	if err == nil {
		one.in[repo.Repository] = true
	}
	return err
}

func (p *publications) of(key publicationKey) *publication {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[publicationKey]*publication{}
	}
	if p.all[key] == nil {
		p.all[key] = &publication{in: map[string]bool{}}
	}
	return p.all[key]
}
