package registry

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// However much a registry sends of a small blob, little of it is read.
func TestSmallBlobEnds(t *testing.T) {
	const enough = 16 << 20
	for name, tt := range map[string]struct {
		size   int64
		length string // header
		want   string
	}{
		"no size":                          {0, "", "a blob is larger than 4194304 bytes, and its manifest gives no size"},
		"no size, and a length":            {0, fmt.Sprint(enough), ""},
		"a size":                           {5, "", "it sends more than it may"},
		"a size, and a length":             {5, fmt.Sprint(enough), ""},
		"the largest size, and more comes": {maxConfig, "", "it sends more than it may"},
	} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int64
			c := newClient(t, Host{Name: srcHost, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if tt.length != "" {
					w.Header().Set("Content-Length", tt.length)
				}
				for sent.Load() < enough {
					n, err := w.Write(bytes.Repeat([]byte("x"), 64<<10))
					if sent.Add(int64(n)); err != nil {
						return
					}
				}
			})})
			b, err := c.SmallBlob(t.Context(), srcHost+"/ns/app:1", "sha256:"+strings.Repeat("a", 64), tt.size)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%d bytes, %v, want %s", len(b), err, tt.want)
			}
			if n := sent.Load(); n > 2*maxConfig {
				t.Errorf("%d bytes were read: %v", n, err)
			}
		})
	}
}
