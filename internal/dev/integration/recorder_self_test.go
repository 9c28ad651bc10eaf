//go:build integration

package integration

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRecorder checks that the recorder records exchanges and acts in the chosen one.
func TestRecorder(t *testing.T) {
	served := 0 // requests that the server saw before the recorder acted
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served++
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "stored by "+r.Host)
	}))
	defer server.Close()
	var passed recorder
	url := passed.proxy(t, "destination", server.URL)
	digest := "sha256:" + strings.Repeat("0", 64)
	put := func() {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"/v2/a/blobs/uploads/1?digest="+digest, strings.NewReader("12345"))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = localHost
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); string(body) != "stored by "+localHost {
			t.Errorf("answer %q, %v", body, err)
		}
	}

	put()
	all := passed.take()
	if len(all) != 1 {
		t.Fatalf("%d exchanges, want 1", len(all))
	}
	x := all[0]
	if x.side != "destination" || x.method != "PUT" || x.path != "/v2/a/blobs/uploads/1" || x.digest != digest {
		t.Errorf("recorded %s %s %s %s", x.side, x.method, x.path, x.digest)
	}
	if x.status.Load() != http.StatusCreated || x.sent.Load() != 5 || x.received.Load() != int64(len("stored by "+localHost)) {
		t.Errorf("recorded status %d, %d bytes sent, %d received", x.status.Load(), x.sent.Load(), x.received.Load())
	}

	for _, tt := range []struct {
		when   phase
		served int
	}{{onRequest, 2}, {onResponse, 3}} {
		served = 0
		acted := -1
		passed.onExchange(3, tt.when, func() { acted = served })
		for range 5 {
			put()
		}
		if acted != tt.served {
			t.Errorf("at the third %s the server had seen %d requests, want %d", tt.when, acted, tt.served)
		}
	}
}
