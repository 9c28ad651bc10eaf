package upload

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// kept are the uploads under way, as files in a directory, so that a run can go on with
// what a killed one left. A location with a query is not kept: the query may hold a
// token, and the registries that have one there do not go on with a broken upload.
type kept struct{ dir string } // "": nothing is kept

// Keep makes pushes leave files in a directory while they are under way, and go on with
// those of an earlier run. The files may be deleted at any time. It is called before
// the first request.
func (t *Transport) Keep(dir string) { t.kept = kept{dir} }

// keepFrom is the smallest blob whose upload is kept.
const keepFrom = 4 << 20

// file is the file of an upload, "" for none.
func (k kept) file(name string, size int64) string {
	if k.dir == "" || size < keepFrom {
		return ""
	}
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(k.dir, hex.EncodeToString(sum[:16]))
}

// find gives the location that an earlier run kept, nil for none.
func (k kept) find(file, name string) *url.URL {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	// The end of the line says that the file is whole.
	location, ok := strings.CutPrefix(string(text), name+"\n")
	location, whole := strings.CutSuffix(location, "\n")
	u, err := url.Parse(location)
	if !ok || !whole || err != nil {
		return nil
	}
	return u
}

// keep notes where an upload goes on. A failure costs time after a kill, and nothing
// else.
func (k kept) keep(file, name string, at *url.URL) {
	if at.RawQuery != "" || at.User != nil || os.MkdirAll(k.dir, 0o700) != nil {
		return
	}
	_ = os.WriteFile(file, []byte(name+"\n"+at.String()+"\n"), 0o600)
}

// start pushes a blob, and goes on with the upload of an earlier run.
func (p *push) start(req *http.Request) (*http.Response, error) {
	name := p.host + req.URL.Path[:strings.LastIndex(req.URL.Path, "/")] + " " + p.digest
	if p.file = p.kept.file(name, p.size); p.file == "" {
		return p.anew(req)
	}
	if older := p.kept.find(p.file, name); older == nil || older.Scheme != req.URL.Scheme || older.Host != req.URL.Host {
		p.kept.keep(p.file, name, p.given)
	} else if err := p.takeOver(older); err == nil {
		resp, err := p.goOn()
		p.forget(err)
		return resp, err
	} else if failed := p.src.Failed(); failed != nil {
		return nil, failed
	} else {
		p.kept.keep(p.file, name, p.given)
	}
	resp, err := p.anew(req)
	p.forget(err)
	return resp, err
}

// forget removes the file of an upload that has ended. One whose line broke stays, with
// its upload.
func (p *push) forget(err error) {
	if err == nil {
		_ = os.Remove(p.file)
		return
	}
	p.marked.stays = p.stays()
}

// stays says whether another run may go on with the upload.
func (p *push) stays() bool {
	return p.file != "" && p.best > 0 && p.ways.of(p.host).kind < inPieces
}

// isKept says whether a request would delete an upload that shall stay.
func (m *marked) isKept(req *http.Request) bool {
	return m.stays && req.Method == http.MethodDelete
}

// accepted is the answer to a request that is not sent.
func accepted(req *http.Request) *http.Response {
	return &http.Response{
		Status: "202 Accepted", StatusCode: http.StatusAccepted, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: req,
	}
}

// takeOver goes on with the upload of an earlier run, in place of the one that the
// client has opened. What the registry has is read from the source all the same, for
// its digest.
func (p *push) takeOver(older *url.URL) error {
	p.at, p.older = older, true
	n, err := p.ask()
	if err == nil && n == 0 {
		err = errors.New("nothing has come")
	}
	p.older = false
	if err != nil {
		p.at = p.given
		return err
	}
	if _, err := io.CopyN(io.Discard, p.src, n); err != nil {
		return err
	}
	older, p.at = p.at, p.given
	p.cancel()
	p.at, p.unused = older, false
	return nil
}
