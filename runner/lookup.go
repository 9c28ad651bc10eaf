package runner

import (
	"context"
	"fmt"
	"maps"
)

// resolves reports whether the step has something to look up for the lock file.
func (j *job) resolves() bool {
	_, ok := j.node.Type.New().(Resolver)
	return ok
}

// notAsked is the result of a step that has nothing to look up. Later steps get the
// outputs of its record.
func (j *job) notAsked() result {
	outputs := j.node.Type.laterOutputs(j.node.ID())
	if j.prior != nil {
		maps.Copy(outputs, j.prior.Outputs)
	}
	return result{status: NotAsked, outputs: outputs}
}

// lookUp has the step look up what the lock file records.
func (j *job) lookUp(ctx context.Context, step Resolver) result {
	f, err := step.Resolve(ctx, j.world)
	if err == nil && f == nil {
		return j.notAsked()
	}
	if err == nil {
		err = f.Err
	}
	if err != nil {
		return result{err: err}
	}
	res := result{status: LookedUp, finding: *f}
	res.outputs, res.err = j.node.Type.planOutputs(f.Outputs, j.node.ID())
	return res
}

// waiting is the result of a step that needs what only another step can tell.
func (j *job) waiting(format string, args ...any) result {
	why := "known only after " + fmt.Sprintf(format, args...)
	if j.mode == ModeLookUp {
		why = "not looked up: " + why
	}
	return result{status: Waiting, why: why}
}
