package setting

import (
	"fmt"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/plan"
)

// digestPatterns has the form of each digest, by the name of its algorithm.
var digestPatterns = map[string]*lazyregexp.Regexp{
	"sha256": lazyregexp.New(`^[0-9a-f]{64}$`),
	"sha512": lazyregexp.New(`^[0-9a-f]{128}$`),
	"md5":    lazyregexp.New(`^[0-9a-f]{32}$`),
}

// IsSHA256 reports whether a text is a SHA-256 digest in lower-case hex digits.
func IsSHA256(text string) bool { return digestPatterns["sha256"].MatchString(text) }

// CheckDigest checks the digest in the field that has the algorithm's name:
// sha256, sha512 or md5. An empty one is not set and passes.
func CheckDigest(algo, digest string) error {
	if digest == "" || digestPatterns[algo].MatchString(digest) {
		return nil
	}
	err := fmt.Errorf("%q is not a %s digest", digest, algo)
	return plan.At(algo, fault.WithHint(err, fmt.Sprintf("write lower-case hex digits, as %ssum prints them", algo)))
}
