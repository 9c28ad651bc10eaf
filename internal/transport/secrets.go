package transport

import (
	"io"
	"net/http"
	"strings"

	"github.com/bayplan/bayplan/internal/redact"
)

// learnRequest makes the secrets of a request known before a peer can repeat them.
func (t *Transport) learnRequest(req *http.Request) {
	t.Secrets.AddURL(req.URL)
	t.Secrets.AddHeader(req.Header)
}

// learnAnswer makes the secrets of an answer known. In the body of an answer with an
// error it masks all known ones: its readers cut it and quote it.
func (t *Transport) learnAnswer(req *http.Request, resp *http.Response) {
	if t.Secrets == nil {
		return
	}
	t.Secrets.AddHeader(resp.Header)
	if to, err := req.URL.Parse(resp.Header.Get("Location")); err == nil {
		t.Secrets.AddURL(to)
	}
	if resp.StatusCode >= http.StatusBadRequest && resp.Body != nil && resp.Body != http.NoBody {
		resp.Body = &maskedBody{ReadCloser: resp.Body, secrets: t.Secrets}
		resp.ContentLength = -1
	}
}

// maxErrorBody is how much of an answer with an error can be read.
const maxErrorBody = 16 << 10

// A maskedBody is the beginning of a body without the secrets in it.
type maskedBody struct {
	io.ReadCloser
	secrets *redact.Redactor
	text    *strings.Reader // nil: nothing is read yet
	err     error           // after text
}

// Read reads the text.
func (b *maskedBody) Read(p []byte) (int, error) {
	if b.text == nil {
		raw, err := io.ReadAll(io.LimitReader(b.ReadCloser, maxErrorBody))
		b.text, b.err = strings.NewReader(b.secrets.Text(string(raw))), err
	}
	n, err := b.text.Read(p)
	if err == io.EOF && b.err != nil {
		err = b.err
	}
	return n, err
}
