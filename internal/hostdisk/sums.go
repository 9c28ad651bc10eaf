package hostdisk

import (
	"context"
	"crypto/md5" //nolint:gosec // what Glance calls checksum; never trusted alone
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/readers"
	"github.com/bayplan/bayplan/internal/textfile"
)

// An Algo is a hash algorithm.
type Algo string

// The algorithms that are known.
const (
	MD5    Algo = "md5" // what Glance calls checksum; never trusted alone
	SHA256 Algo = "sha256"
	SHA512 Algo = "sha512"
)

// A sumCache remembers the digests of files. Its zero value is empty and ready.
//
// It has a mutex and no owning goroutine: steps ask it from any goroutine, and would
// only wait for the owner's answer.
type sumCache struct {
	mu    sync.Mutex
	files map[string]sumEntry
	calls map[string]*hashCall
	dirty bool // files differs from what was loaded
}

// A sumEntry is what is remembered of one file.
type sumEntry struct {
	Stat fileStat        `json:"id"`
	Sums map[Algo]string `json:"sums"`
}

// A hashCall is one hashing of a file while it is going on.
type hashCall struct {
	hard bool
	done chan struct{} // closed once sums and err are set
	sums map[Algo]string
	err  error
}

// sum returns the digests of the file at path. It hashes the file for the digests that
// are not remembered, or for all if hard is set. A caller that asks while the file
// is being hashed waits for the result.
func (c *sumCache) sum(ctx context.Context, path string, algos []Algo, hard bool) (map[Algo]string, error) {
	if err := regular(path); err != nil {
		return nil, err
	}
	for {
		call, mine := c.startOrJoin(path, hard)
		if mine {
			call.sums, call.err = c.hash(ctx, path, algos, hard)
			c.finish(path, call)
			return maps.Clone(call.sums), call.err
		}
		select {
		case <-call.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if call.err == nil && (call.hard || !hard) && len(Missing(call.sums, algos)) == 0 {
			return Pick(call.sums, algos), nil
		}
	}
}

// startOrJoin returns the call for path, and whether the caller has to do the hashing.
func (c *sumCache) startOrJoin(path string, hard bool) (call *hashCall, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if call := c.calls[path]; call != nil {
		return call, false
	}
	call = &hashCall{hard: hard, done: make(chan struct{})}
	if c.calls == nil {
		c.calls = map[string]*hashCall{}
	}
	c.calls[path] = call
	return call, true
}

func (c *sumCache) finish(path string, call *hashCall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, path)
	close(call.done)
}

// hash returns the digests of a file. It uses remembered ones unless hard is set.
func (c *sumCache) hash(ctx context.Context, path string, algos []Algo, hard bool) (map[Algo]string, error) {
	file, err := textfile.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	before, err := statOpenFile(file)
	if err != nil {
		return nil, err
	}
	known := map[Algo]string{}
	if !hard {
		known = c.recall(path, before)
	}
	began := time.Now()
	if todo := Missing(known, algos); len(todo) > 0 {
		fresh, err := Hash(ctx, file, todo)
		if err != nil {
			return nil, &fs.PathError{Op: "hash", Path: path, Err: err}
		}
		maps.Copy(known, fresh)
		if after, err := statOpenFile(file); err == nil && after == before && before.changeWouldShow(began) {
			c.remember(path, sumEntry{before, maps.Clone(known)})
		}
	}
	return Pick(known, algos), nil
}

func (c *sumCache) recall(path string, id fileStat) map[Algo]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.files[path]; e.Stat == id {
		return maps.Clone(e.Sums)
	}
	return map[Algo]string{}
}

func (c *sumCache) remember(path string, e sumEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files == nil {
		c.files = map[string]sumEntry{}
	}
	c.files[path] = e
	c.dirty = true
}

// load implements Disk.Load.
func (c *sumCache) load(file string) {
	b, err := os.ReadFile(file)
	if err != nil {
		return
	}
	body, err := durable.Unseal(b)
	if err != nil {
		return
	}
	files := map[string]sumEntry{}
	if json.Unmarshal(body, &files) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files = files
}

// save implements Disk.Save.
func (c *sumCache) save(file string) error {
	c.mu.Lock()
	files, dirty := maps.Clone(c.files), c.dirty
	c.mu.Unlock()
	if !dirty {
		return nil
	}
	maps.DeleteFunc(files, func(path string, _ sumEntry) bool {
		_, err := os.Stat(path)
		return err != nil
	})
	return durable.WriteSealed(file, files)
}

// Hash reads r to its end once and returns the digests asked for. It stops when ctx ends.
func Hash(ctx context.Context, r io.Reader, algos []Algo) (map[Algo]string, error) {
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

// hashers hash the same bytes in parallel, since one after the other they are slower
// than a disk.
type hashers map[Algo]hash.Hash

func (hs hashers) Write(p []byte) (int, error) {
	var all sync.WaitGroup
	for _, h := range hs {
		all.Go(func() { h.Write(p) }) // never returns an error
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

// Missing returns the algorithms that sums has no digest for.
func Missing(sums map[Algo]string, algos []Algo) []Algo {
	var out []Algo
	for _, algo := range algos {
		if sums[algo] == "" {
			out = append(out, algo)
		}
	}
	return out
}

// Pick returns the digests of the algorithms asked for.
func Pick(sums map[Algo]string, algos []Algo) map[Algo]string {
	out := make(map[Algo]string, len(algos))
	for _, algo := range algos {
		out[algo] = sums[algo]
	}
	return out
}
