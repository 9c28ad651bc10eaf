package human

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		6 * time.Hour: "6h", 90 * time.Minute: "1h30m", time.Minute: "1m", 10 * time.Second: "10s", 70 * time.Second: "1m10s",
		time.Hour + time.Second: "1h0m1s", 0: "0s", 1700 * time.Millisecond: "2s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
