package wire

import (
	"strings"
	"testing"
	"time"
)

func TestParseToken(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		body string
		text string
		life time.Duration // with what is left for safety
		want string
	}{
		"as it should be":                 {`{"token":"t","expires_in":300,"issued_at":"2026-11-22T10:00:00Z"}`, "t", 295 * time.Second, ""},
		"access_token":                    {`{"access_token":"t","expires_in":300}`, "t", 295 * time.Second, ""},
		"both":                            {`{"token":"t","access_token":"u","expires_in":300}`, "t", 295 * time.Second, ""},
		"no expiry":                       {`{"token":"t"}`, "t", 55 * time.Second, ""},
		"an expiry of null":               {`{"token":"t","expires_in":null}`, "t", 55 * time.Second, ""},
		"an expiry in the past":           {`{"token":"t","expires_in":-5}`, "t", 55 * time.Second, ""},
		"a short life":                    {`{"token":"t","expires_in":4}`, "t", 2 * time.Second, ""},
		"a very long life":                {`{"token":"t","expires_in":1e300}`, "t", 24*time.Hour - 5*time.Second, ""},
		"seconds as text":                 {`{"token":"t","expires_in":"300"}`, "t", 295 * time.Second, ""},
		"seconds with a fraction":         {`{"token":"t","expires_in":300.5}`, "t", 295500 * time.Millisecond, ""},
		"expires_at":                      {`{"token":"t","expires_at":"2026-11-22T10:05:00Z"}`, "t", 295 * time.Second, ""},
		"expires_at, with a zone":         {`{"token":"t","expires_at":"2026-11-22T11:05:00+01:00"}`, "t", 295 * time.Second, ""},
		"expires_at, as Ruby writes it":   {`{"token":"t","expires_at":"2026-11-22 10:05:00 UTC"}`, "t", 295 * time.Second, ""},
		"expires_at, without a zone":      {`{"token":"t","expires_at":"2026-11-22T10:05:00"}`, "t", 295 * time.Second, ""},
		"expires_at, a number":            {`{"token":"t","expires_at":1795341900}`, "t", 295 * time.Second, ""},
		"expires_at by a clock that lags": {`{"token":"t","expires_at":"2026-11-22T09:05:00Z","issued_at":"2026-11-22T09:00:00Z"}`, "t", 295 * time.Second, ""},
		"expires_at that has passed":      {`{"token":"t","expires_at":"2026-11-22T09:05:00Z"}`, "t", 55 * time.Second, ""},
		"expires_at, unreadable":          {`{"token":"t","expires_at":"soon"}`, "t", 55 * time.Second, ""},
		"both expiries":                   {`{"token":"t","expires_in":300,"expires_at":"2026-11-22T12:00:00Z"}`, "t", 295 * time.Second, ""},
		"no token":                        {`{"expires_in":300}`, "", 0, "there is no token"},
		"an empty answer":                 {``, "", 0, "not what a token server says"},
		"a page":                          {`<html>`, "", 0, "not what a token server says"},
		"a list":                          {`[]`, "", 0, "not what a token server says"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseToken([]byte(tt.body), now)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if err == nil && (got.text != tt.text || got.until.Sub(now) != tt.life) {
				t.Errorf("got %q for %v, want %q for %v", got.text, got.until.Sub(now), tt.text, tt.life)
			}
		})
	}
}

func TestCovers(t *testing.T) {
	tests := []struct {
		have, want string
		yes        bool
	}{
		{"repository:a:pull,push", "repository:a:pull", true},
		{"repository:a:pull", "repository:a:pull,push", false},
		{"repository:a:pull", "repository:b:pull", false},
		{"repository:a/b:pull", "repository:a:pull", false},
		{"registry:catalog:*", "registry:catalog:*", true},
		{"odd", "odd", true},
		{"odd", "repository:a:pull", false},
	}
	for _, tt := range tests {
		if got := covers(tt.have, tt.want); got != tt.yes {
			t.Errorf("%s covers %s: %v", tt.have, tt.want, got)
		}
	}
	if got := union([]string{"repository:a:pull,push"}, []string{"repository:a:pull", "repository:b:pull"}); len(got) != 2 {
		t.Errorf("got %q", got)
	}
}
