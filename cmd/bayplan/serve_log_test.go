package main

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"
)

func TestAccessLogLine(t *testing.T) {
	when := time.Date(2018, 6, 27, 13, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		set  func(req *http.Request)
		want string
	}{
		"plain": {func(*http.Request) {}, `192.0.2.7 - - [27/Jun/2018:13:00:00 +0000] "GET /v2/?a=b HTTP/1.1" 200 3 "-" "-"`},
		"a user": {
			func(req *http.Request) { req.SetBasicAuth("stack", "horse staple") },
			`192.0.2.7 - stack [27/Jun/2018:13:00:00 +0000] "GET /v2/?a=b HTTP/1.1" 200 3 "-" "-"`,
		},
		"evil": {
			func(req *http.Request) {
				req.SetBasicAuth("a b\n\x1b[2J", "x")
				req.RequestURI = "/v2/\"\x1b"
				req.Header.Set("User-Agent", "a\"b\u202e")
			},
			`192.0.2.7 - "a b\n\x1b[2J" [27/Jun/2018:13:00:00 +0000] "GET /v2/\"\x1b HTTP/1.1" 200 3 "-" "a\"b\u202e"`,
		},
		"HEAD": {
			func(req *http.Request) { req.Method = "HEAD" },
			`192.0.2.7 - - [27/Jun/2018:13:00:00 +0000] "HEAD /v2/?a=b HTTP/1.1" 200 0 "-" "-"`,
		},
		"IPv6": {
			func(req *http.Request) { req.RemoteAddr = "[2001:db8::7]:4711" },
			`2001:db8::7 - - [27/Jun/2018:13:00:00 +0000] "GET /v2/?a=b HTTP/1.1" 200 3 "-" "-"`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req := &http.Request{Method: "GET", RequestURI: "/v2/?a=b", Proto: "HTTP/1.1", RemoteAddr: "192.0.2.7:4711", Header: http.Header{}}
			tt.set(req)
			var out bytes.Buffer
			a := newAccessLog(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "abc") }), &out)
			a.now = func() time.Time { return when }
			a.ServeHTTP(discard{http.Header{}}, req)
			if got := out.String(); got != tt.want+"\n" {
				t.Errorf("got  %swant %s", got, tt.want)
			}
		})
	}
}

// discard is a ResponseWriter that discards the response.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
