package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/readers"
)

// A Download is a file to download and its target.
type Download struct {
	Request
	To   string // absolute; its directory must exist
	Mode fs.FileMode
	Want Digests
	// Seen is what a look has shown of the file; zero: nothing. If the server sends another file,
	// the download fails.
	Seen Remote
	// Check checks the whole file before it gets its name. It may be nil.
	Check func(io.Reader) error
	// Moved gets the number of bytes just received. It may be nil.
	Moved func(int64)
}

// A Result describes a downloaded file.
type Result struct {
	Digests
	Remote
	Resumed int64 // bytes that an earlier process had received
}

// Fetch downloads a file. A reader of the target sees the old file or the whole
// new one. After an error Fetch keeps the received part, so that the next call
// can resume, unless the part is known to be wrong. It resumes the part of a
// killed process only if a digest or a check will verify the whole file: a power
// loss may have damaged the part.
func (c *Client) Fetch(ctx context.Context, d Download) (Result, error) {
	t := &transfer{client: c, Download: d}
	defer t.close()
	if err := t.findPart(ctx); err != nil {
		return Result{}, explainFull(err)
	}
	t.result.Resumed = t.received()
	tries := fetchTries
	if d.Source != nil {
		tries = sourceTries
	}
	for retry := c.newRetrier(tries); ; {
		before := t.received()
		err := t.receive(ctx)
		if err == nil {
			err = t.finish()
		}
		if err == nil {
			return t.result, nil
		}
		if errors.Is(err, errRestart) {
			if err = t.restart(); err == nil {
				continue
			}
		}
		if err := retry.wait(ctx, err, t.received()-before); err != nil {
			return Result{}, explainFull(withURL(d.Request, t.dropIfUseless(err)))
		}
	}
}

// errRestart means that the received part is not a prefix of the server's file.
var errRestart = errors.New("restart the download")

// maxRestarts is how often a transfer restarts from its first byte.
const maxRestarts = 3

func (t *transfer) restart() error {
	if t.restarts++; t.restarts > maxRestarts {
		return errors.New("the file changes during the download, or the server sends other parts than the requested ones")
	}
	if t.part == nil {
		return nil
	}
	return t.part.restart(t.Want)
}

// A transfer is the download of one file.
type transfer struct {
	Download
	client   *Client
	part     *part
	remote   Remote // of the part
	restarts int
	result   Result
}

// findPart opens the part that an earlier process has left, if it is of the
// version that the server has now. It removes other parts.
func (t *transfer) findPart(ctx context.Context) error {
	left := Parts(t.To)
	if len(left) == 0 {
		return nil
	}
	found, err := t.client.Look(ctx, t.Request)
	if err != nil {
		return err
	}
	name := partName(t.To, t.URL, found)
	if !t.verifiable() {
		name = "" // nothing could verify the resumed file
	}
	if err := RemoveParts(t.To, name); err != nil {
		return err
	}
	if _, err := os.Lstat(name); name == "" || err != nil {
		return nil
	}
	t.remote = found
	t.part, err = openPart(name, t.Want)
	return err
}

func (t *transfer) received() int64 {
	if t.part == nil {
		return 0
	}
	return t.part.n
}

// receive requests the file, or the rest of it, and writes it to the part.
func (t *transfer) receive(ctx context.Context) error {
	if t.complete() {
		return nil
	}
	if t.Source != nil {
		return t.receiveSource(ctx)
	}
	if t.received() > 0 && t.remote.validator() == "" && !t.verifiable() {
		// The rest may be that of another file, and nothing could detect it.
		if err := t.part.restart(t.Want); err != nil {
			return err
		}
	}
	header := http.Header{}
	if n := t.received(); n > 0 {
		header.Set("Range", "bytes="+strconv.FormatInt(n, 10)+"-")
		if v := t.remote.validator(); v != "" {
			header.Set("If-Range", v)
		}
	}
	resp, err := t.client.do(ctx, http.MethodGet, t.Request, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		err = t.acceptFull(resp)
	case http.StatusPartialContent:
		err = t.acceptRange(resp)
	case http.StatusRequestedRangeNotSatisfiable:
		return t.acceptRefusedRange(resp)
	default:
		return statusError(t.Request, resp)
	}
	if err != nil {
		return err
	}
	if err := CheckSpace(filepath.Dir(t.To), t.remote.Size-t.part.n); err != nil {
		return err
	}
	return t.copyBody(readers.WithContext(ctx, newSlowGuard(resp.Body)))
}

// complete reports whether all bytes were received before the connection or the
// process ended.
func (t *transfer) complete() bool {
	return t.part != nil && t.part.n > 0 && t.part.n == t.remote.Size
}

// acceptFull prepares the part for an answer with the whole file.
func (t *transfer) acceptFull(resp *http.Response) error {
	found := remoteOf(resp)
	if t.Seen.replacedBy(found) {
		err := fmt.Errorf("the server has another file now than when it was looked at: %s, and before %s", found.Version(), t.Seen.Version())
		return fault.WithHint(err, "run again: the file of now is looked at then")
	}
	if t.part != nil && found.validator() == t.remote.validator() {
		t.remote = found
		return t.part.restart(t.Want)
	}
	if t.part != nil {
		t.part.remove() // it is of another version
		t.part = nil
	}
	t.remote = found
	var err error
	if t.part, err = openPart(partName(t.To, t.URL, found), t.Want); err != nil {
		return err
	}
	return t.part.restart(t.Want)
}

// acceptRange checks that an answer with a range continues the part.
func (t *transfer) acceptRange(resp *http.Response) error {
	first, last, size, err := parseContentRange(resp.Header.Get("Content-Range"))
	if err != nil {
		return err
	}
	now := remoteOf(resp)
	if now.Size = size; size < 0 {
		now.Size = last + 1
	}
	other := conflict(now.ETag, t.remote.ETag) || conflict(now.Modified, t.remote.Modified)
	if t.part == nil || first != t.part.n || other || t.remote.Size >= 0 && now.Size != t.remote.Size {
		return errRestart
	}
	t.remote.Size = now.Size
	t.part.resumed = true
	return nil
}

// conflict reports whether two known values differ.
func conflict(a, b string) bool { return a != "" && b != "" && a != b }

// acceptRefusedRange handles the answer that the server's file has no bytes after
// the part. The part may be the whole file.
func (t *transfer) acceptRefusedRange(resp *http.Response) error {
	if t.part == nil || t.part.n == 0 {
		return statusError(t.Request, resp)
	}
	if unsatisfiedSize(resp.Header) == t.part.n && t.verifiable() {
		t.remote.Size = t.part.n // the digest decides
		return nil
	}
	return errRestart
}

// verifiable reports whether a digest or a check can verify the file.
func (t *transfer) verifiable() bool { return !t.Want.IsZero() || t.Check != nil }

// copyBody writes the body to the part and checks its length.
func (t *transfer) copyBody(body io.Reader) error {
	_, err := io.CopyBuffer(writerOnly{t}, body, make([]byte, copyBuffer))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.AsConnection(fmt.Errorf("the connection was cut after %d bytes", t.part.n))
	case err != nil:
		return err
	case t.remote.Size >= 0 && t.part.n != t.remote.Size:
		return fault.AsConnection(fmt.Errorf("%d bytes arrived, the server announced %d", t.part.n, t.remote.Size))
	}
	return nil
}

// Write writes received bytes to the part. More bytes than the server announced
// are an error.
func (t *transfer) Write(b []byte) (int, error) {
	if t.remote.Size >= 0 && t.part.n+int64(len(b)) > t.remote.Size {
		return 0, errRestart
	}
	n, err := t.part.Write(b)
	if t.Moved != nil {
		t.Moved(int64(n))
	}
	return n, err
}

// finish checks the whole file against its digests and gives it its name.
func (t *transfer) finish() error {
	t.result.Digests, t.result.Remote = t.part.sums.digests(), t.remote
	t.result.Size = t.part.n
	if err := t.check(); err != nil {
		if t.part.resumed {
			return errRestart // the resumed part may be wrong
		}
		return err
	}
	f := t.part.file
	if err := durable.SetMode(f, t.Mode); err != nil {
		return err
	}
	// A later diff compares the file's time with the server's.
	if at, ok := t.remote.Time(); ok {
		if err := os.Chtimes(f.Name(), time.Time{}, at); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := durable.Rename(f.Name(), t.To); err != nil {
		return err
	}
	return RemoveParts(t.To, "")
}

func (t *transfer) check() error {
	if err := t.Want.Check(t.result.Digests); err != nil {
		return fault.WithHint(err, "the server has a different file, or it was damaged in transit")
	}
	if t.Check == nil {
		return nil
	}
	if _, err := t.part.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return t.Check(t.part.file)
}

// dropIfUseless removes a part that is of no use: a complete but wrong one, or one
// that fills the disk. It returns err.
func (t *transfer) dropIfUseless(err error) error {
	var wrong *DigestError
	useless := errors.As(err, &wrong) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		t.complete() && !fault.IsConnection(err)
	if t.part != nil && (useless || t.part.n == 0) {
		t.part.remove()
		t.part = nil
	}
	return err
}

// close releases the lock on the part.
func (t *transfer) close() {
	if t.part != nil {
		t.part.file.Close()
	}
}

// writerOnly keeps io.Copy from using another method than Write.
type writerOnly struct{ io.Writer }
