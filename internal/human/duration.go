package human

import (
	"strings"
	"time"
)

// Duration writes a time in whole units, without those that are zero at its end: 6h, not
// 6h0m0s.
func Duration(d time.Duration) string {
	text := d.Round(time.Second).String()
	if rest, cut := strings.CutSuffix(text, "m0s"); cut {
		text = rest + "m"
	}
	if rest, cut := strings.CutSuffix(text, "h0m"); cut {
		text = rest + "h"
	}
	return text
}
