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

// An accessLog writes a line for every request that was answered, in the
// combined format of web servers, which tools know how to read.
type accessLog struct {
	next  http.Handler
	lines *log.Logger
	now   func() time.Time
}

func newAccessLog(next http.Handler, out io.Writer) *accessLog {
	return &accessLog{next: next, lines: log.New(out, "", 0), now: time.Now}
}

// ServeHTTP lets the handler answer and writes what came of it.
func (a *accessLog) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	began := a.now()
	c := &countedWriter{ResponseWriter: w}
	defer func() { a.lines.Println(line(req, c, began)) }()
	a.next.ServeHTTP(c, req)
}

// line tells of a request. All that came from outside is quoted; of an
// Authorization only the name is shown, and only when it was good.
func line(req *http.Request, c *countedWriter, began time.Time) string {
	host, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		host = "-"
	}
	user, _, _ := req.BasicAuth()
	if c.status == http.StatusUnauthorized || user == "" {
		user = "-"
	}
	if req.Method == http.MethodHead {
		c.bytes = 0 // what a handler writes then is not sent
	}
	return strings.Join([]string{
		host, "-", word(user), began.Format("[02/Jan/2006:15:04:05 -0700]"),
		strconv.QuoteToASCII(req.Method + " " + req.RequestURI + " " + req.Proto),
		strconv.Itoa(c.status), strconv.FormatInt(c.bytes, 10),
		strconv.QuoteToASCII(dash(req.Referer())), strconv.QuoteToASCII(dash(req.UserAgent())),
	}, " ")
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// word shows a name as it is when it is one plain word, and quoted otherwise.
func word(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) || r == ' ' || r == '"' }) {
		return strconv.QuoteToASCII(s)
	}
	return s
}

// A countedWriter notes the status and counts the bytes of an answer.
type countedWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the status.
func (c *countedWriter) WriteHeader(status int) {
	if c.status == 0 || c.status < 200 { // what is below 200 only comes before
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *countedWriter) Write(p []byte) (int, error) {
	c.ok()
	n, err := c.ResponseWriter.Write(p)
	c.bytes += int64(n)
	return n, err
}

// ReadFrom lets the server send a blob straight from its file.
func (c *countedWriter) ReadFrom(r io.Reader) (int64, error) {
	c.ok()
	n, err := io.Copy(c.ResponseWriter, r)
	c.bytes += n
	return n, err
}

// ok notes what a writer that is told no status answers with.
func (c *countedWriter) ok() {
	if c.status == 0 {
		c.status = http.StatusOK
	}
}

// Unwrap gives http.ResponseController what is underneath.
func (c *countedWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
