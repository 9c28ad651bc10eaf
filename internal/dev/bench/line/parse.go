package line

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseSetting reads DELAY/MBITS. It returns the rate in bytes per second,
// 0 for no line.
func ParseSetting(text string) (time.Duration, float64, error) {
	switch text {
	case "":
		text = "30ms/400"
	case "none":
		return 0, 0, nil
	}
	delay, megabits, _ := strings.Cut(text, "/")
	d, err := time.ParseDuration(delay)
	if err != nil {
		return 0, 0, fmt.Errorf("BENCH_LINE: %w", err)
	}
	n, err := strconv.ParseFloat(megabits, 64)
	if err != nil || n <= 0 || d < 0 {
		return 0, 0, fmt.Errorf("BENCH_LINE: %q is not DELAY/MBITS", text)
	}
	return d, n * 1e6 / 8, nil
}

// Parse makes a Line of three arguments of a program: the server, the delay and the rate in
// bytes per second.
func Parse(target, delay, rate string) (*Line, error) {
	d, err := time.ParseDuration(delay)
	if err != nil {
		return nil, err
	}
	r, err := strconv.ParseFloat(rate, 64)
	return &Line{Target: target, Delay: d, Rate: r}, err
}
