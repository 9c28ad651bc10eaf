package prepare

import (
	"context"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/runner"
)

// Resolve implements runner.Resolver. It does not compare the files with those on disk.
func (p *prepare) Resolve(ctx context.Context, w runner.World) (*runner.Finding, error) {
	result, err := p.result(ctx, w)
	if err != nil {
		return nil, err
	}
	wanted, err := p.files(result)
	if err != nil {
		return nil, err
	}
	change := &runner.Change{}
	for _, f := range wanted {
		change.Files = append(change.Files, f.planned())
	}
	return &runner.Finding{Outputs: p.outputs(result), Change: change}, nil
}

// An imageLookup asks the registries of the plan's connections.
type imageLookup struct{ out registries }

func (l imageLookup) Labels(ctx context.Context, ref string) (map[string]string, error) {
	found, _, err := l.out.Labels(ctx, ref)
	return found, err
}

func (l imageLookup) HasTag(ctx context.Context, ref string) (bool, error) {
	_, err := l.out.Resolve(ctx, ref)
	if registry.KindOf(err) == registry.NotFound {
		return false, nil
	}
	return err == nil, err
}
