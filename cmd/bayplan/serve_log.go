package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// An accessLog writes a line for every answered request, in the combined log
// format, which other tools can read.
type accessLog struct {
	next  http.Handler
	lines *log.Logger
	now   func() time.Time
}

func newAccessLog(next http.Handler, out io.Writer) *accessLog {
	return &accessLog{next: next, lines: log.New(out, "", 0), now: time.Now}
}

// ServeHTTP lets the handler answer and writes the log line.
func (a *accessLog) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	began := a.now()
	c := &countingWriter{ResponseWriter: w}
	defer func() { a.lines.Println(logLine(req, c, began)) }()
	a.next.ServeHTTP(c, req)
}

// logLine returns the log line of a request. It quotes everything that came from
// the client. Of the Authorization it shows only the user, and only if the
// login succeeded.
func logLine(req *http.Request, c *countingWriter, began time.Time) string {
	host, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		host = "-"
	}
	user, _, _ := req.BasicAuth()
	if c.status == http.StatusUnauthorized || user == "" {
		user = "-"
	}
	if req.Method == http.MethodHead {
		c.bytes = 0 // the body that the handler writes is not sent
	}
	return strings.Join([]string{
		host, "-", quoteUnlessPlain(user), began.Format("[02/Jan/2006:15:04:05 -0700]"),
		strconv.QuoteToASCII(req.Method + " " + req.RequestURI + " " + req.Proto),
		strconv.Itoa(c.status), strconv.FormatInt(c.bytes, 10),
		strconv.QuoteToASCII(orDash(req.Referer())), strconv.QuoteToASCII(orDash(req.UserAgent())),
	}, " ")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// quoteUnlessPlain returns a name as it is if it is one plain word, and quoted
// otherwise.
func quoteUnlessPlain(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) || r == ' ' || r == '"' }) {
		return strconv.QuoteToASCII(s)
	}
	return s
}

// A countingWriter records the status and counts the bytes of a response.
type countingWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader records the status.
func (c *countingWriter) WriteHeader(status int) {
	if c.status == 0 || c.status < 200 { // an interim status precedes the final one
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *countingWriter) Write(p []byte) (int, error) {
	c.setDefaultStatus()
	n, err := c.ResponseWriter.Write(p)
	c.bytes += int64(n)
	return n, err
}

// ReadFrom lets the server send a blob directly from its file.
func (c *countingWriter) ReadFrom(r io.Reader) (int64, error) {
	c.setDefaultStatus()
	n, err := io.Copy(c.ResponseWriter, r)
	c.bytes += n
	return n, err
}

// setDefaultStatus records the status of a response without WriteHeader.
func (c *countingWriter) setDefaultStatus() {
	if c.status == 0 {
		c.status = http.StatusOK
	}
}

// Unwrap returns the underlying writer, for http.ResponseController.
func (c *countingWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
