package hostfiles

import (
	"context"
	"crypto"
	_ "crypto/sha1" // a cloud may be configured to use it
	"encoding/hex"
	"fmt"
	"io"

	"github.com/bayplan/bayplan/internal/readers"
	"github.com/bayplan/bayplan/runner"
)

// SHA512 gives the digest of a file, lower-case hex.
func SHA512(ctx context.Context, w runner.World, path string) (string, error) {
	sums, err := w.Sum(ctx, path, runner.SHA512)
	return sums[runner.SHA512], err
}

// PlacedSHA512 gives the digest of a file that is copied to where other steps may put something else.
// It computes SHA-256 with it, which Fills then recalls: untar and fetch know what they write by that.
func PlacedSHA512(ctx context.Context, w runner.World, path string) (string, error) {
	sums, err := w.Sum(ctx, path, runner.SHA512, runner.SHA256)
	if err != nil { // of a planned file one of the two may be known
		return SHA512(ctx, w, path)
	}
	return sums[runner.SHA512], nil
}

// maxShown is the largest size of a file that is read only to show its digest.
const maxShown = 16 << 20

// Shown returns the digest of a file that a change replaces, lower-case hex, for people. It
// is "" where to know it costs more than it says: where the file is large and its digest not
// remembered, and where it cannot be read. The only error is that of ctx.
func Shown(ctx context.Context, w runner.World, path string, algo runner.Algo) (string, error) {
	if sums, known := w.Recall(path, algo); known {
		return sums[algo], nil
	}
	if fi, err := w.Stat(path); err != nil || fi.Size() > maxShown {
		return "", ctx.Err()
	}
	sums, err := w.Sum(ctx, path, algo)
	if err != nil {
		return "", ctx.Err()
	}
	return sums[algo], nil
}

// Digest gives the digest of a file, lower-case hex, by any algorithm that a cloud
// may be configured to use: md5, sha1, sha224, sha256, sha384 or sha512.
func Digest(ctx context.Context, w runner.World, path, algo string) (string, error) {
	switch a := runner.Algo(algo); a {
	case runner.MD5, runner.SHA256, runner.SHA512:
		sums, err := w.Sum(ctx, path, a)
		return sums[a], err
	}
	h := map[string]crypto.Hash{"sha1": crypto.SHA1, "sha224": crypto.SHA224, "sha384": crypto.SHA384}[algo]
	if h == 0 {
		return "", fmt.Errorf("no hash algorithm %q", algo)
	}
	r, err := w.Open(path)
	if err != nil {
		return "", err
	}
	defer r.Close()
	sum := h.New()
	if _, err := io.Copy(sum, readers.WithContext(ctx, r)); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
