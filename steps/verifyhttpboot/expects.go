package verifyhttpboot

import (
	"fmt"

	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// Expects implements runner.Expecter: the directory and the files to compare with, the
// boot script with the files that it loads, and the server of the directory.
func (v *verifyHTTPBoot) Expects() []runner.Expected {
	if v.Dir == "" {
		return nil
	}
	all := []runner.Expected{{Kind: runner.ExpectDirectory, Field: "dir", Path: string(v.Dir)}}
	for i, f := range v.Files {
		all = append(all, runner.Expected{Kind: runner.ExpectFile, Field: fmt.Sprintf("files[%d]", i), Path: string(hostfiles.SourceOf(f))})
	}
	if v.scriptName() != "" {
		all = append(all, runner.Expected{
			Kind: runner.ExpectBootScript, Field: "script", Path: v.pathOf(v.scriptName()), URL: v.URL, For: string(v.Dir),
		})
	}
	if v.URL != "" {
		all = append(all, runner.Expected{Kind: runner.ExpectServed, Field: "url", URL: v.URL, For: string(v.Dir)})
	}
	return all
}
