package registryserver

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"

	"github.com/bayplan/bayplan/internal/ocilayout"
)

// maxUploads is the number of open uploads. The oldest one makes room for a new
// one.
const maxUploads = 1000

// maxIdle is how long an upload may wait for its next piece. Its client is gone
// then, and its bytes take room from others.
const maxIdle = 15 * time.Minute

// uploads are the open uploads.
type uploads struct {
	mu    sync.Mutex // several requests run at a time
	open  map[string]*upload
	timer *time.Timer // ends the idle ones; nil: none is open
}

// An upload is a blob that comes in pieces.
type upload struct {
	repo *repository
	used time.Time // guarded by the mutex of uploads

	reading  reading
	busy     chan struct{}    // one piece at a time; guards what follows
	to       ocilayout.Upload // nil: nothing has come yet
	sum      hash.Hash        // SHA-256 of the pieces
	size     int64
	writeErr error // why writing failed
	ended    bool
}

func newUpload(repo *repository) *upload {
	return &upload{repo: repo, busy: make(chan struct{}, 1), sum: sha256.New()}
}

// begin makes room for the first piece. What is known of the whole blob is in
// want.
func (u *upload) begin(want descriptor.Descriptor) (err error) {
	if u.to == nil {
		u.to, err = u.repo.Create(want)
	}
	return err
}

// tryLock locks the upload unless another request works on it.
func (u *upload) tryLock() bool {
	select {
	case u.busy <- struct{}{}:
		return true
	default:
		return false
	}
}

func (u *upload) unlock() { <-u.busy }

// end removes what is not committed.
func (u *upload) end() {
	u.ended = true
	if u.to != nil {
		u.to.Abort()
	}
}

// add adds an upload and gives its id.
func (all *uploads) add(u *upload) (id string) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.open == nil {
		all.open = map[string]*upload{}
	}
	if len(all.open) >= maxUploads {
		all.forgetOldest()
	}
	id = rand.Text()
	all.open[id], u.used = u, time.Now()
	if all.timer == nil {
		all.timer = time.AfterFunc(maxIdle, all.endIdle)
	}
	return id
}

// endIdle ends the uploads whose clients are gone. An upload on which a request
// works is not idle.
func (all *uploads) endIdle() {
	all.mu.Lock()
	defer all.mu.Unlock()
	for id, u := range all.open {
		if time.Since(u.used) >= maxIdle && u.tryLock() {
			u.end()
			u.unlock()
			delete(all.open, id)
		}
	}
	if all.timer == nil || len(all.open) == 0 {
		all.timer = nil
		return
	}
	all.timer.Reset(maxIdle / 5)
}

// touch notes that a request has worked on an upload until now.
func (all *uploads) touch(u *upload) {
	all.mu.Lock()
	defer all.mu.Unlock()
	u.used = time.Now()
}

func (all *uploads) forgetOldest() {
	ids := slices.SortedFunc(maps.Keys(all.open), func(a, b string) int {
		return all.open[a].used.Compare(all.open[b].used)
	})
	for _, id := range ids {
		if u := all.open[id]; u.tryLock() {
			u.end()
			u.unlock()
			delete(all.open, id)
			return
		}
	}
}

// find gives an upload of a repository, nil where there is none.
func (all *uploads) find(repo *repository, id string) *upload {
	all.mu.Lock()
	defer all.mu.Unlock()
	u := all.open[id]
	if u == nil || u.repo.name != repo.name {
		return nil
	}
	u.used = time.Now()
	return u
}

// forget removes an upload from the list.
func (all *uploads) forget(id string) {
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.open, id)
}

// close ends all open uploads. No request is running then.
func (all *uploads) close() {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, u := range all.open {
		u.end()
	}
	all.open = nil
	if all.timer != nil {
		all.timer.Stop()
		all.timer = nil
	}
}

func (u *upload) Write(p []byte) (int, error) {
	n, err := u.to.Write(p)
	_, _ = u.sum.Write(p[:n]) // a hash takes everything
	u.size += int64(n)
	u.writeErr = err
	u.reading.touch()
	return n, err
}

// take adds a piece, the last one if d is given. The bytes before an error
// stay, so that the client can go on.
func (u *upload) take(req *http.Request, d digest.Digest) error {
	if at, ok := pieceStart(req); !ok || at >= 0 && at != u.size {
		return refusal{http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", fmt.Sprintf("the next piece begins at byte %d", u.size)}
	}
	want := descriptor.Descriptor{Digest: d, Size: -1}
	if d != "" {
		want.Size = req.ContentLength
	}
	if err := u.begin(want); err != nil {
		return err
	}
	_, err := io.Copy(u, req.Body)
	if u.writeErr != nil {
		return u.writeErr
	}
	if err != nil {
		return refusal{http.StatusBadRequest, "BLOB_UPLOAD_INVALID", fmt.Sprintf("reading the blob after byte %d: %v", u.size, err)}
	}
	return nil
}

// pieceStart gives the first byte of a piece, -1 where the request does not say
// it.
func pieceStart(req *http.Request) (at int64, ok bool) {
	header := req.Header.Get("Content-Range")
	if header == "" {
		return -1, true
	}
	start, _, _ := strings.Cut(strings.TrimPrefix(header, "bytes "), "-")
	at, err := strconv.ParseInt(start, 10, 64)
	return at, err == nil && at >= 0
}

// keep makes the upload a blob if its bytes match the digest.
func (u *upload) keep(d digest.Digest) error {
	is := hex.EncodeToString(u.sum.Sum(nil)) == d.Encoded()
	if d.Algorithm() != digest.SHA256 {
		v := d.Verifier()
		if _, err := io.Copy(v, io.NewSectionReader(u.to, 0, u.size)); err != nil {
			return err
		}
		is = v.Verified()
	}
	if !is {
		return refusal{http.StatusBadRequest, "DIGEST_INVALID", fmt.Sprintf("the %d bytes that came are not %s", u.size, d)}
	}
	return u.to.Commit(d)
}

// beginUpload begins an upload, unless the blob is mounted or is in the request
// itself.
func (x *exchange) beginUpload() error {
	query := x.req.URL.Query()
	if query.Has("mount") {
		d, err := parseDigest(query.Get("mount"))
		if err != nil {
			return err
		}
		switch mounted, err := x.mount(d, query.Get("from")); {
		case err != nil:
			return err
		case mounted:
			x.created("blobs", d)
			return nil
		}
	}
	if query.Has("digest") {
		return x.takeBlob(query.Get("digest"))
	}
	u := newUpload(x.repo)
	x.sendUpload(u, x.uploads.add(u), http.StatusAccepted)
	return nil
}

func (x *exchange) mount(d digest.Digest, from string) (bool, error) {
	if there, err := x.repo.holds(d, -1); err != nil || there {
		return there, err
	}
	if !x.isRepository(from) {
		return false, nil
	}
	source, err := x.find(from, false)
	if err != nil {
		return false, err
	}
	return x.repo.mount(d, source)
}

// takeBlob stores a blob that is in the request.
func (x *exchange) takeBlob(sum string) error {
	d, err := parseDigest(sum)
	if err != nil {
		return err
	}
	u := newUpload(x.repo)
	defer u.end()
	if err := u.take(x.req, d); err != nil {
		return err
	}
	if err := u.keep(d); err != nil {
		return err
	}
	x.created("blobs", d)
	return nil
}

// sendUpload says where the upload goes on, and how many bytes have come.
func (x *exchange) sendUpload(u *upload, id string, status int) {
	x.w.Header().Set("Location", "/v2/"+x.repo.name+"/blobs/uploads/"+id)
	x.w.Header().Set("Range", fmt.Sprintf("0-%d", max(0, u.size-1))) // as distribution does, also when nothing has come
	x.w.WriteHeader(status)
}

// withUpload runs do on the upload of the request, alone.
func (x *exchange) withUpload(do func(*upload) error) error {
	unknown := notFound("BLOB_UPLOAD_UNKNOWN", "there is no such upload to "+x.repo.name)
	u := x.uploads.find(x.repo, x.at.ref)
	if u == nil {
		return unknown
	}
	if err := u.lock(x.req.Context()); err != nil {
		return err
	}
	defer u.unlock()
	if u.ended { // while we waited
		return unknown
	}
	defer x.uploads.touch(u)
	err := do(u)
	if u.writeErr != nil && !u.ended {
		// Its bytes may be what fills the disk.
		x.uploads.forget(x.at.ref)
		u.end()
	}
	return err
}

func (x *exchange) getUpload() error {
	return x.withUpload(func(u *upload) error {
		x.sendUpload(u, x.at.ref, http.StatusNoContent)
		return nil
	})
}

func (x *exchange) patchUpload() error {
	return x.withUpload(func(u *upload) error {
		u.reading.begin(x.w)
		err := u.take(x.req, "")
		u.reading.end()
		if err != nil {
			return err
		}
		x.sendUpload(u, x.at.ref, http.StatusAccepted)
		return nil
	})
}

func (x *exchange) putUpload() error {
	d, err := parseDigest(x.req.URL.Query().Get("digest"))
	if err != nil {
		return err
	}
	return x.withUpload(func(u *upload) error {
		u.reading.begin(x.w)
		err := u.take(x.req, d)
		u.reading.end()
		if err != nil && !x.shared {
			return err
		} else if err != nil {
			x.uploads.forget(x.at.ref) // the client begins a new upload
			u.end()
			return err
		}
		x.uploads.forget(x.at.ref)
		defer u.end()
		if err := u.keep(d); err != nil {
			return err
		}
		x.created("blobs", d)
		return nil
	})
}

func (x *exchange) deleteUpload() error {
	return x.withUpload(func(u *upload) error {
		x.uploads.forget(x.at.ref)
		u.end()
		x.w.WriteHeader(http.StatusNoContent)
		return nil
	})
}
