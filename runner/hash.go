package runner

import (
	"context"
	"crypto/md5" //nolint:gosec // what Glance calls checksum; never trusted alone
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/bayplan/bayplan/internal/readers"
)

// hashAll reads r to its end once and gives the digests asked for. It stops
// when ctx ends.
func hashAll(ctx context.Context, r io.Reader, algos []Algo) (map[Algo]string, error) {
	hashes := hashers{}
	for _, algo := range algos {
		h, err := newHash(algo)
		if err != nil {
			return nil, err
		}
		hashes[algo] = h
	}
	buf := make([]byte, 1<<20)
	if _, err := io.CopyBuffer(hashes, readers.WithContext(ctx, r), buf); err != nil {
		return nil, err
	}
	sums := map[Algo]string{}
	for algo, h := range hashes {
		sums[algo] = hex.EncodeToString(h.Sum(nil))
	}
	return sums, nil
}

// hashers hash the same bytes, each beside the others: one alone is slower
// than a disk.
type hashers map[Algo]hash.Hash

func (hs hashers) Write(p []byte) (int, error) {
	var all sync.WaitGroup
	for _, h := range hs {
		all.Go(func() { h.Write(p) }) // never gives an error
	}
	all.Wait()
	return len(p), nil
}

func newHash(algo Algo) (hash.Hash, error) {
	switch algo {
	case MD5:
		return md5.New(), nil
	case SHA256:
		return sha256.New(), nil
	case SHA512:
		return sha512.New(), nil
	}
	return nil, fmt.Errorf("no hash algorithm %q", algo)
}

// missing gives the algorithms of which sums has no digest.
func missing(sums map[Algo]string, algos []Algo) []Algo {
	var out []Algo
	for _, algo := range algos {
		if sums[algo] == "" {
			out = append(out, algo)
		}
	}
	return out
}

// pick gives the digests of the algorithms asked for.
func pick(sums map[Algo]string, algos []Algo) map[Algo]string {
	out := make(map[Algo]string, len(algos))
	for _, algo := range algos {
		out[algo] = sums[algo]
	}
	return out
}
