package download

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that takes the place of the one that was looked at is not taken, and the old one stays.
func TestFetchOfAnotherFileThanSeen(t *testing.T) {
	const early, late = "Mon, 02 Nov 2026 10:00:00 GMT", "Tue, 03 Nov 2026 10:00:00 GMT"
	for name, tt := range map[string]struct {
		seen  Remote
		etag  string
		fails bool
	}{
		"nothing was seen":            {Remote{}, `"a"`, false},
		"the same":                    {Remote{Size: 3, ETag: `"a"`, Modified: early}, `"a"`, false},
		"another size":                {Remote{Size: 4, Modified: early}, "", true},
		"a size not known":            {Remote{Size: -1, Modified: early}, "", false},
		"another time":                {Remote{Size: 3, Modified: late}, "", true},
		"a time of that second":       {Remote{Size: 3, Modified: late, Recent: true}, "", false},
		"the ETag of another machine": {Remote{Size: 3, ETag: `"b"`, Modified: early}, `"a"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Last-Modified", early)
				w.Header().Set("ETag", tt.etag)
				_, _ = w.Write([]byte("new"))
			}))
			defer srv.Close()
			c, err := New(nil)
			if err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(to, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = c.Fetch(t.Context(), Download{Request: Request{URL: srv.URL + "/f"}, To: to, Mode: 0o600, Seen: tt.seen})
			text, _ := os.ReadFile(to)
			if (err != nil) != tt.fails || tt.fails && !strings.Contains(err.Error(), "the server has another file now than when it was looked at: ") || (string(text) == "old") != tt.fails {
				t.Errorf("got %v, and the file has %q", err, text)
			}
		})
	}
	if now := (Remote{Size: -1, ETag: `"b"`}); !(Remote{Size: -1, ETag: `"a"`}).replacedBy(now) {
		t.Error("another ETag alone says nothing")
	}
}
