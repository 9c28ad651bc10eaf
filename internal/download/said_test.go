package download

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What a web server says to explain an error is told, and no word of a library.
func TestTheServersOwnWords(t *testing.T) {
	for name, tt := range map[string]struct{ answer, want, absent string }{
		"text":                        {"403 Forbidden\r\nContent-Type: text/plain\r\n\r\nthe link has expired", `the server answers 403 Forbidden ("the link has expired")`, ""},
		"S3":                          {"403 Forbidden\r\nContent-Type: application/xml\r\n\r\n<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", `("AccessDenied Request has expired")`, ""},
		"Artifactory":                 {"404 Not Found\r\nContent-Type: application/json\r\n\r\n{\"errors\":[{\"status\":404,\"message\":\"File was purged\"}]}", `("File was purged")`, ""},
		"what the status says":        {"404 Not Found\r\nContent-Type: text/html\r\n\r\n<title>404 Not Found</title>", "404 Not Found", `"`},
		"a status without a name":     {"460 \r\n\r\n", "answers 460", "460 "},
		"an address that is none":     {"302 Found\r\nLocation: http://[::1\r\n\r\n", "the server redirects to an address that cannot be read", "parse"},
		"chunks that are none":        {"200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", "the lengths of its chunks are broken", ""},
		"another protocol's greeting": {"", `it does not speak HTTP: its answer begins with "SSH-2.0-OpenSSH_9"`, "net/http"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer func(c net.Conn) { _ = c.Close() }(conn)
				answer := "HTTP/1.1 " + tt.answer
				if tt.answer == "" {
					answer = "SSH-2.0-OpenSSH_9\r\n"
				}
				_, _ = fmt.Fprint(conn, answer)
			}))
			defer srv.Close()
			c, err := New(nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.small(t.Context(), Request{URL: srv.URL + "/f"})
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.absent != "" && strings.Contains(err.Error(), tt.absent) {
				t.Errorf("got %v, want %q and not %q", err, tt.want, tt.absent)
			}
		})
	}
}
