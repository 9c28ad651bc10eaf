package verifyhttpboot

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/runner"
)

// A servedFile is a file of the directory with the URL that serves it.
type servedFile struct{ name, url string }

// fetchAll fetches the files as a machine would and compares them with the
// directory.
func (v *verifyHTTPBoot) fetchAll(ctx context.Context, w runner.World, files []servedFile) []error {
	var errs []error
	for _, f := range files {
		sums, err := w.Sum(ctx, v.pathOf(f.name), runner.SHA512)
		if errors.Is(err, fs.ErrNotExist) {
			continue // compare has reported it
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		got, err := fetchSum(ctx, v.out.Downloads(), f.url)
		switch {
		case err != nil:
			errs = append(errs, v.explainFetch(err))
		case got != sums[runner.SHA512]:
			err := fmt.Errorf("%s serves other bytes than %s has", f.url, v.pathOf(f.name))
			errs = append(errs, fault.WithHint(err, "does the boot server serve another directory, or a cache?"))
		}
	}
	return errs
}

// explainFetch says that a machine would not get a file that is in the directory,
// with a hint when the server does not have it.
func (v *verifyHTTPBoot) explainFetch(err error) error {
	var status *download.StatusError
	gone := errors.As(err, &status) && (status.Status == http.StatusNotFound || status.Status == http.StatusGone)
	err = fmt.Errorf("fetching as a machine would: %w", err)
	if !gone {
		return err
	}
	return fault.WithHint(err, fmt.Sprintf("the file is missing on the boot server: does it serve another directory than %s?", v.Dir))
}

// fetchSum gives the SHA-512 digest of the file at a URL.
func fetchSum(ctx context.Context, client *download.Client, from string) (string, error) {
	body, err := client.Open(ctx, download.Request{URL: from})
	if err != nil {
		return "", err
	}
	defer body.Close()
	sum := sha512.New()
	_, err = io.Copy(sum, body)
	return hex.EncodeToString(sum.Sum(nil)), err
}
