package doctor

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bayplan/bayplan/internal/human"
)

// A clock is the difference between this host's time and a server's.
type clock struct {
	host  string
	ahead time.Duration // of this host; negative: it is behind
}

const (
	skewWarn = 30 * time.Second // some token services allow for less than a minute
	skewFail = 5 * time.Minute  // more than certificates, tokens and signatures bear
)

// noteClock notes the time of a server by the Date of its answer (RFC 9110, 6.6.1), which
// has whole seconds. A cache sends the Date of the first answer, and its Age since.
func (d *doctor) noteClock(host string, h http.Header, here time.Time) {
	there, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	if age, err := strconv.Atoi(h.Get("Age")); err == nil && age > 0 {
		there = there.Add(time.Duration(age) * time.Second)
	}
	ahead := here.Sub(there.Add(500 * time.Millisecond)).Round(time.Second)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clocks = append(d.clocks, clock{host, ahead})
}

// clock compares this host's clock with those of all servers. One server that differs while
// others agree is wrong itself.
func (d *doctor) clock() []Finding {
	d.mu.Lock()
	defer d.mu.Unlock()
	var far []clock
	for _, c := range d.clocks {
		if c.ahead.Abs() >= skewWarn {
			far = append(far, c)
		}
	}
	switch {
	case len(d.clocks) == 0:
		return nil
	case len(far) == 0:
		return []Finding{ok("clock", "agrees with %s", human.Count(len(d.clocks), "server", "servers"))}
	}
	worst := slices.MaxFunc(far, func(a, b clock) int { return int(a.ahead.Abs() - b.ahead.Abs()) })
	word := "ahead of"
	if worst.ahead < 0 {
		word = "behind"
	}
	text := fmt.Sprintf("%s %s %s", worst.ahead.Abs(), word, worst.host)
	if agree := len(d.clocks) - len(far); agree > 0 {
		return []Finding{warn("clock", "the clock of "+worst.host+" is wrong: tokens and signatures that it gives may seem to be of another time", "%s, but it agrees with %s", text, human.Count(agree, "other server", "other servers"))}
	}
	hint := "set the clock (chronyc makestep, or timedatectl set-ntp true): certificates, tokens and signatures are judged by it"
	if worst.ahead.Abs() < skewFail {
		return []Finding{warn("clock", hint, "%s", text)}
	}
	return []Finding{fail("clock", hint, "%s", text)}
}
