package human

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
)

// Size returns a number of bytes in a binary unit: "512 B", "601.3 MiB".
func Size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, units := float64(n)/1024, "KMGTPE"
	// From 1023.95 on, %.1f would print 1024.0 of the smaller unit.
	for f >= 1023.95 && len(units) > 1 {
		f, units = f/1024, units[1:]
	}
	return fmt.Sprintf("%.1f %ciB", f, units[0])
}

// sizeUnits are the units that people write.
var sizeUnits = [...]struct {
	name string
	size int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}}

// ParseSize reads a number of bytes with a unit, such as 10MiB or 2 GB.
func ParseSize(s string) (int64, error) {
	for _, unit := range sizeUnits {
		number, ok := strings.CutSuffix(s, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 32)
		if err == nil && n >= 0 {
			return n * unit.size, nil
		}
	}
	err := fmt.Errorf("%q is not a number of bytes such as 10MiB", s)
	return 0, fault.WithHint(err, "write a whole number and one of KiB, MiB, GiB, kB, MB and GB")
}
