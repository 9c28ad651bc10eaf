package human

import "strings"

// ShortDigest shortens a digest, ALGORITHM:HEX, to the digits that people compare. It
// returns other values whole, and "(none)" for "".
func ShortDigest(value string) string {
	const digits = 12
	algorithm, sum, _ := strings.Cut(value, ":")
	switch {
	case value == "":
		return "(none)"
	case (algorithm == "md5" || algorithm == "sha256" || algorithm == "sha512") && len(sum) > digits:
		return algorithm + ":" + sum[:digits] + "…"
	}
	return value
}
