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
