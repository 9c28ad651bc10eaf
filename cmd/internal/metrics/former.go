package metrics

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bayplan/bayplan/runner"
)

// A Success is what a file of a former run says of the last success.
type Success struct {
	Plan string
	At   time.Time // zero: never
}

// maxFormer is how much of a file is read. Files that Write writes are far smaller.
const maxFormer = 1 << 20

// Former returns what a file says of a command, and false if it says nothing: it is not
// there, cannot be read, or holds something else. What is unknown of former runs must
// not stop this one.
func Former(file string, m runner.Mode) (Success, bool) {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFormer {
		return Success{}, false
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return Success{}, false
	}
	line := regexp.MustCompile(`(?m)^` + lastSuccess + `\{command="` + regexp.QuoteMeta(string(m)) + `",plan="((?:[^"\\]|\\.)*)"\} (\S+)$`)
	found := line.FindStringSubmatch(string(text))
	if found == nil {
		return Success{}, false
	}
	n, err := strconv.ParseFloat(found[2], 64)
	if err != nil || !(n >= 0 && n <= 1<<40) { // also not NaN
		return Success{}, false
	}
	s := Success{Plan: strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n").Replace(found[1])}
	if n > 0 {
		s.At = time.UnixMilli(int64(n * 1000)).UTC()
	}
	return s, true
}
