package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/bayplan/bayplan/internal/fault"
)

// readAhead reads an answer before it is handed on, so that one that is cut off
// can be requested again. Blobs are not read ahead, and no more of an answer
// than a manifest may have.
func readAhead(req *http.Request, resp *http.Response) (*http.Response, error) {
	_, isBlob := req.Context().Value(spanKey{}).(span)
	if isBlob || req.Method != http.MethodGet || resp.StatusCode >= 300 || resp.Body == nil {
		return resp, nil
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, MaxManifest+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		_ = resp.Body.Close()
		return nil, fault.AsConnection(fmt.Errorf("%s: the connection was cut before the answer was complete", req.URL.Host))
	case err != nil:
		_ = resp.Body.Close()
		return nil, err
	}
	rest := resp.Body
	resp.Body = &partlyRead{io.MultiReader(bytes.NewReader(b), rest), rest}
	return resp, nil
}

// A partlyRead body is one whose beginning has been read.
type partlyRead struct {
	io.Reader
	io.Closer
}
