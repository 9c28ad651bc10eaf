// Package checksum writes digests as bayplan shows and keeps them: ALGORITHM:HEX. It does not
// know what they are of.
package checksum

import (
	"crypto/sha256"
	"encoding/hex"
)

// Text returns a digest with its algorithm, such as sha512:0f4a, and "" for one that is not
// known.
func Text(algorithm, sum string) string {
	if sum == "" {
		return ""
	}
	return algorithm + ":" + sum
}

// SHA256 returns the SHA-256 of some content with its algorithm.
func SHA256(content []byte) string {
	sum := sha256.Sum256(content)
	return Text("sha256", hex.EncodeToString(sum[:]))
}
