package download

import (
	"testing"
	"time"
)

func TestRemoteHasTime(t *testing.T) {
	at := time.Date(2026, 5, 12, 9, 0, 1, 0, time.UTC)
	for said, want := range map[string]map[time.Duration]bool{
		at.Format("Mon, 02 Jan 2006 15:04:05 GMT"):                  {0: true, -time.Second: true, time.Second: false, -2 * time.Second: false}, // kept in steps of two seconds
		at.Add(time.Second).Format("Mon, 02 Jan 2006 15:04:05 GMT"): {time.Second: true, 0: false},
		"Mon, 01 Jan 0001 00:00:00 GMT":                             {0: false},
		"":                                                          {0: false},
	} {
		for d, has := range want {
			if got := (Remote{Modified: said}).HasTime(at.Add(d)); got != has {
				t.Errorf("%q and %v: got %v", said, at.Add(d), got)
			}
		}
	}
}
