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

// A Download says which file is brought where.
type Download struct {
	Request
	To   string // absolute; its directory must be there
	Mode fs.FileMode
	Want Digests
	// Check looks at the whole file before it gets its name. It may be nil.
	Check func(io.Reader) error
	// Moved is told how many more bytes have come.
	Moved func(int64)
}

// A Result is a file that was brought.
type Result struct {
	Digests
	Remote
	Resumed int64 // bytes that were there already from an earlier process
}

// Fetch brings a file. Whoever looks at the target sees the old file or the
// whole new one. What has come when it fails on the way is kept, to be
// continued, unless it is known to be wrong. What a killed process left is
// continued where a digest or a check will hold the whole against: a machine
// that lost power may have lost some of it.
func (c *Client) Fetch(ctx context.Context, d Download) (Result, error) {
	t := &transfer{client: c, Download: d}
	defer t.close()
	if err := t.begin(ctx); err != nil {
		return Result{}, explainFull(err)
	}
	t.result.Resumed = t.partial()
	for p := c.patient(tries); ; {
		before := t.partial()
		err := t.receive(ctx)
		if err == nil {
			err = t.finish()
		}
		if err == nil {
			return t.result, nil
		}
		if errors.Is(err, errAnew) {
			if err = t.startAnew(); err == nil {
				continue
			}
		}
		if err := p.again(ctx, err, t.partial()-before); err != nil {
			return Result{}, explainFull(about(d.Request, t.giveUp(err)))
		}
	}
}

// errAnew says that what has come so far is no beginning of what the server has.
var errAnew = errors.New("start anew")

// maxAnew is how often a transfer starts from its first byte again.
const maxAnew = 3

func (t *transfer) startAnew() error {
	if t.anew++; t.anew > maxAnew {
		return errors.New("the file changes while it is fetched, or the server sends other parts of it than it was asked for")
	}
	if t.part == nil {
		return nil
	}
	return t.part.restart(t.Want)
}

// A transfer is one file on its way.
type transfer struct {
	Download
	client *Client
	part   *part
	remote Remote // of the part
	anew   int
	result Result
}

// begin finds what an earlier process left of the version that the server has.
func (t *transfer) begin(ctx context.Context) error {
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
		name = "" // nothing would tell whether what is there is whole
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

func (t *transfer) partial() int64 {
	if t.part == nil {
		return 0
	}
	return t.part.n
}

// receive asks for the file, or for the rest of it, and writes what comes.
func (t *transfer) receive(ctx context.Context) error {
	if t.complete() {
		return nil
	}
	if t.partial() > 0 && t.remote.validator() == "" && !t.verifiable() {
		// The rest may be one of another file, and nothing would tell.
		if err := t.part.restart(t.Want); err != nil {
			return err
		}
	}
	header := http.Header{}
	if n := t.partial(); n > 0 {
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
		err = t.whole(resp)
	case http.StatusPartialContent:
		err = t.rest(resp)
	case http.StatusRequestedRangeNotSatisfiable:
		return t.beyond(resp)
	default:
		return statusError(t.Request, resp)
	}
	if err != nil {
		return err
	}
	if err := CheckSpace(filepath.Dir(t.To), t.remote.Size-t.part.n); err != nil {
		return err
	}
	return t.copy(readers.WithContext(ctx, newSlowGuard(resp.Body)))
}

// complete says that all has come that the server told of, and only the end of
// an answer, or of a process, came in between.
func (t *transfer) complete() bool {
	return t.part != nil && t.part.n > 0 && t.part.n == t.remote.Size
}

// whole begins with the file's first byte.
func (t *transfer) whole(resp *http.Response) error {
	found := remoteOf(resp)
	if t.part != nil && found.validator() == t.remote.validator() {
		t.remote = found
		return t.part.restart(t.Want)
	}
	if t.part != nil {
		t.part.drop() // it was of another version
		t.part = nil
	}
	t.remote = found
	var err error
	if t.part, err = openPart(partName(t.To, t.URL, found), t.Want); err != nil {
		return err
	}
	return t.part.restart(t.Want)
}

// rest goes on where the part ends, when that is what the server sends.
func (t *transfer) rest(resp *http.Response) error {
	first, last, size, err := contentRange(resp.Header.Get("Content-Range"))
	if err != nil {
		return err
	}
	now := remoteOf(resp)
	if now.Size = size; size < 0 {
		now.Size = last + 1
	}
	other := differ(now.ETag, t.remote.ETag) || differ(now.Modified, t.remote.Modified)
	if t.part == nil || first != t.part.n || other || t.remote.Size >= 0 && now.Size != t.remote.Size {
		return errAnew
	}
	t.remote.Size = now.Size
	t.part.old = true
	return nil
}

// differ says whether two things are told of a file that cannot both be so.
func differ(a, b string) bool { return a != "" && b != "" && a != b }

// beyond is told where the server's file ends before the part does.
func (t *transfer) beyond(resp *http.Response) error {
	if t.part == nil || t.part.n == 0 {
		return statusError(t.Request, resp)
	}
	if unsatisfied(resp.Header) == t.part.n && t.verifiable() {
		t.remote.Size = t.part.n // the digest will tell
		return nil
	}
	return errAnew
}

// verifiable says that something tells whether the whole is right.
func (t *transfer) verifiable() bool { return !t.Want.IsZero() || t.Check != nil }

// copy writes what comes until the end that was announced.
func (t *transfer) copy(body io.Reader) error {
	_, err := io.CopyBuffer(writerOnly{t}, body, make([]byte, copyBuffer))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.AsConnection(fmt.Errorf("the connection was cut after %d bytes", t.part.n))
	case err != nil:
		return err
	case t.remote.Size >= 0 && t.part.n != t.remote.Size:
		return fault.AsConnection(fmt.Errorf("%d bytes came, %d were announced", t.part.n, t.remote.Size))
	}
	return nil
}

// Write takes what comes. A server that sends more than it said is not believed.
func (t *transfer) Write(b []byte) (int, error) {
	if t.remote.Size >= 0 && t.part.n+int64(len(b)) > t.remote.Size {
		return 0, errAnew
	}
	n, err := t.part.Write(b)
	if t.Moved != nil {
		t.Moved(int64(n))
	}
	return n, err
}

// finish holds the whole against its digests and gives it its name.
func (t *transfer) finish() error {
	t.result.Digests, t.result.Remote = t.part.sums.digests(), t.remote
	t.result.Size = t.part.n
	if err := t.check(); err != nil {
		if t.part.old {
			return errAnew // an earlier part of it may be what is wrong
		}
		return err
	}
	f := t.part.file
	if err := durable.SetMode(f, t.Mode); err != nil {
		return err
	}
	// What the server calls the file's age is how it is known again later.
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
		return fault.WithHint(err, "the server has another file than was meant, or it was damaged on its way")
	}
	if t.Check == nil {
		return nil
	}
	if _, err := t.part.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return t.Check(t.part.file)
}

// giveUp removes what is known to be of no use: what came whole and is wrong,
// and what fills a disk.
func (t *transfer) giveUp(err error) error {
	var wrong *DigestError
	useless := errors.As(err, &wrong) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		t.complete() && !fault.IsConnection(err)
	if t.part != nil && (useless || t.part.n == 0) {
		t.part.drop()
		t.part = nil
	}
	return err
}

// close ends the lock on the part.
func (t *transfer) close() {
	if t.part != nil {
		t.part.file.Close()
	}
}

// writerOnly keeps io.Copy from looking for a shortcut past Write.
type writerOnly struct{ io.Writer }
