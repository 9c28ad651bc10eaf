package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// privateErrors keeps from clients what an error of the server says of its files. The
// server's log has it.
type privateErrors struct {
	next http.Handler
	log  *log.Logger
}

// ServeHTTP lets the handler answer, and replaces the text of an error of the server.
func (p privateErrors) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	a := &privateWriter{ResponseWriter: w}
	p.next.ServeHTTP(a, req)
	if !a.held {
		return
	}
	p.log.Printf("%s %s: %d: %s", req.Method, req.URL.Path, a.status, strings.TrimSpace(a.body.String()))
	public := "the server failed; its log says why\n"
	if body := a.body.String(); messages.MatchString(body) {
		public = messages.ReplaceAllString(body, `${1}"the server failed; its log says why"`)
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, public) // an error means that the client has gone
}

// messages matches the texts in the JSON of errors, of the registry and the cloud.
var messages = lazyregexp.New(`("(?:message|detail|title)": ?)"(?:[^"\\]|\\.)*"`)

// A privateWriter holds the answers back that are errors of the server.
type privateWriter struct {
	http.ResponseWriter
	status int
	held   bool
	body   bytes.Buffer
}

// WriteHeader passes on all other answers.
func (w *privateWriter) WriteHeader(status int) {
	if status >= http.StatusInternalServerError && status != http.StatusNotImplemented {
		w.status, w.held = status, true
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *privateWriter) Write(p []byte) (int, error) {
	if w.held {
		return w.body.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

// ReadFrom lets the server send a blob directly from its file.
func (w *privateWriter) ReadFrom(r io.Reader) (int64, error) {
	if w.held {
		return w.body.ReadFrom(r)
	}
	return io.Copy(w.ResponseWriter, r)
}

// Unwrap returns the underlying writer, for http.ResponseController.
func (w *privateWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
