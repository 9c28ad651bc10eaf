package human

import "fmt"

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
