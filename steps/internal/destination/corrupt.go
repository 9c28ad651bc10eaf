package destination

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
)

// corrupt reads all bytes of a layout and gives an error for each blob whose bytes have
// changed. A diff does not notice that: it trusts a blob's name.
func corrupt(ctx context.Context, layout string, c *registry.Client) []error {
	digests, err := c.VerifyBlobs(ctx, layout)
	if err != nil {
		return []error{err}
	}
	errs := make([]error, len(digests))
	for i, d := range digests {
		errs[i] = &imagelist.Drift{Kind: "incomplete", What: "layout", Name: registry.LayoutPrefix + layout, Lacks: fmt.Sprintf("blob %s, its bytes have changed", d)}
	}
	if len(errs) > 0 {
		lost := layout
		if !strings.HasSuffix(layout, ".tar") {
			algorithm, hex, _ := strings.Cut(digests[0], ":")
			lost = filepath.Join(layout, "blobs", algorithm, hex) + " and the like"
		}
		errs[0] = fault.WithHint(errs[0], fmt.Sprintf("look after the disk; then delete %s, and apply again", lost))
	}
	return errs
}
