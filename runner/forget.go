package runner

import (
	"errors"

	"github.com/bayplan/bayplan/internal/fault"
)

// ForgetFailed forgets the records of steps that a Verify found not to be as wanted,
// so that the next apply looks at them as if for the first time: a Diff may
// believe a record, and then would not see what is wrong. Steps that could not
// be looked at, as a connection failed, keep theirs. The state's lock is held
// for no longer than it takes, and not at all where there is nothing to forget.
func ForgetFailed(dir, planFile string, verified *Report) error {
	var wrong []*StepReport
	for _, s := range verified.Steps {
		if s.Status == Failed && s.Prior != nil && !fault.IsConnection(s.Err) {
			wrong = append(wrong, s)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	store, err := OpenStore(dir, planFile)
	if err != nil {
		return err
	}
	for _, s := range wrong {
		if err = store.write(entry{Kind: refuted, Step: s.ID, Error: s.Err.Error()}); err != nil {
			break
		}
	}
	return errors.Join(err, store.Close())
}
