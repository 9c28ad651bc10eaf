package verifyimages

import (
	"fmt"

	"github.com/bayplan/bayplan/runner"
)

// Expects implements runner.Expecter: the files that images are to be copies of.
func (v *verifyImages) Expects() []runner.Expected {
	var all []runner.Expected
	for i, e := range v.Expect {
		all = append(all, runner.Expected{
			Kind: runner.ExpectFile, Field: fmt.Sprintf("expect[%d].file", i), Path: string(e.Other.File), Format: e.Other.DiskFormat,
		})
	}
	return all
}
