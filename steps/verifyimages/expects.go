package verifyimages

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// Expects implements runner.Expecter: the files that images are to be copies of.
func (v *verifyImages) Expects() []runner.Expected {
	var all []runner.Expected
	for i, e := range v.Expect {
		x := runner.Expected{
			Kind: runner.ExpectFile, Field: fmt.Sprintf("expect[%d].file", i), Path: string(e.Other.File), Format: e.Other.DiskFormat,
		}
		if digest := digestOf(e); digest != "" {
			x.Pins = []string{digest}
		}
		all = append(all, x)
	}
	return all
}

// digestOf gives the digest that an image must have, "" for any.
func digestOf(e plan.TextOr[string, expectedImage]) string {
	if _, digest, pinned := strings.Cut(e.Text, "@"); pinned {
		return digest
	}
	return e.Other.Digest
}

// Rehearse implements runner.Rehearser: images that are stood in for have other digests and
// sizes than the plan says.
func (v *verifyImages) Rehearse(r runner.Rehearsal) []string {
	var left []string
	for i, e := range v.Expect {
		if r.Waived(digestOf(e)) {
			v.Expect[i].Text, _, _ = strings.Cut(e.Text, "@")
			v.Expect[i].Other.Digest = ""
			left = append(left, fmt.Sprintf("expect[%d]: the image's digest", i))
		}
		if e.Other.Size > 0 {
			v.Expect[i].Other.Size = 0
			left = append(left, fmt.Sprintf("expect[%d].size: the image's size", i))
		}
	}
	return left
}
