package runner

import (
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"sync"
	"syscall"
	"time"
)

// A sumCache remembers the digests of files. Its zero value is empty and ready.
//
// It has a mutex and no owning goroutine: steps ask it from wherever they run
// and would only wait for the answer.
type sumCache struct {
	mu      sync.Mutex
	files   map[string]sumEntry
	flights map[string]*flight
	dirty   bool // files holds more than what was loaded
}

// A sumEntry is what is remembered of one file.
type sumEntry struct {
	ID   fileID          `json:"id"`
	Sums map[Algo]string `json:"sums"`
}

// A fileID changes when a file's content does, but for changes within one tick
// of the file system's clock.
type fileID struct {
	Dev   uint64 `json:"dev"`
	Inode uint64 `json:"inode"`
	Size  int64  `json:"size"`
	Mtime int64  `json:"mtime"` // nanoseconds
	Ctime int64  `json:"ctime"` // nanoseconds
}

// A flight is one hashing of one file that is going on.
type flight struct {
	hard bool
	done chan struct{} // closed when the rest is set
	sums map[Algo]string
	err  error
}

// sum gives the digests of the file at path, hashing what is not remembered;
// all of it when hard is set. Whoever asks while the file is being hashed
// waits for that.
func (c *sumCache) sum(ctx context.Context, path string, algos []Algo, hard bool) (map[Algo]string, error) {
	if err := regular(path); err != nil {
		return nil, err
	}
	for {
		f, mine := c.board(path, hard)
		if mine {
			f.sums, f.err = c.hash(ctx, path, algos, hard)
			c.land(path, f)
			return maps.Clone(f.sums), f.err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if f.err == nil && (f.hard || !hard) && len(missing(f.sums, algos)) == 0 {
			return pick(f.sums, algos), nil
		}
	}
}

// board gives the flight for path, and whether the caller has to fly it.
func (c *sumCache) board(path string, hard bool) (f *flight, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[path]; f != nil {
		return f, false
	}
	f = &flight{hard: hard, done: make(chan struct{})}
	if c.flights == nil {
		c.flights = map[string]*flight{}
	}
	c.flights[path] = f
	return f, true
}

func (c *sumCache) land(path string, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.flights, path)
	close(f.done)
}

// hash gives the digests of a file, remembered ones as far as that is allowed.
func (c *sumCache) hash(ctx context.Context, path string, algos []Algo, hard bool) (map[Algo]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	before, err := identify(file)
	if err != nil {
		return nil, err
	}
	known := map[Algo]string{}
	if !hard {
		known = c.recall(path, before)
	}
	began := time.Now()
	if todo := missing(known, algos); len(todo) > 0 {
		fresh, err := hashAll(ctx, file, todo)
		if err != nil {
			return nil, &fs.PathError{Op: "hash", Path: path, Err: err}
		}
		maps.Copy(known, fresh)
		if after, err := identify(file); err == nil && after == before && before.settled(began) {
			c.remember(path, sumEntry{before, maps.Clone(known)})
		}
	}
	return pick(known, algos), nil
}

func (c *sumCache) recall(path string, id fileID) map[Algo]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.files[path]; e.ID == id {
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

// identify gives what tells an open file from what it was before.
func identify(file *os.File) (fileID, error) {
	fi, err := file.Stat()
	if err != nil {
		return fileID{}, err
	}
	return identityOf(fi), nil
}

func identityOf(fi fs.FileInfo) fileID {
	id := fileID{Size: fi.Size(), Mtime: fi.ModTime().UnixNano()}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		id.Dev, id.Inode, id.Ctime = uint64(st.Dev), st.Ino, ctime(st) //nolint:unconvert // other widths elsewhere
	}
	return id
}

// settled says whether a change after began would show in the file's times: it
// was last touched longer ago than its file system's clock ticks. Times in the
// future are never settled.
func (id fileID) settled(began time.Time) bool {
	return max(id.Mtime, id.Ctime)+id.tick() < began.UnixNano()
}

// written says whether the file was last written to so long ago that a write
// after at would show. It may have got its name just now.
func (id fileID) written(at time.Time) bool { return id.Mtime+id.tick() < at.UnixNano() }

// tick is, with room to spare, how far the clock of the file system goes at once.
func (id fileID) tick() int64 {
	if id.Mtime%int64(time.Second) == 0 && id.Ctime%int64(time.Second) == 0 {
		return int64(2 * time.Second) // it counts in seconds
	}
	return int64(50 * time.Millisecond)
}

// load takes over what an earlier run remembered. What cannot be read is
// ignored: it is only a memory.
func (c *sumCache) load(file string) {
	b, err := os.ReadFile(file)
	if err != nil {
		return
	}
	body, err := unseal(b)
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

// save writes what is remembered, if there is anything new, leaving out files
// that are gone.
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
	return writeSealed(file, files)
}
