package transport

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// brokenAnswers are the words of net/http for answers that are not HTTP, and what they mean.
var brokenAnswers = []struct {
	words *lazyregexp.Regexp
	means string // %s is what the words quote
}{
	{lazyregexp.New(`malformed HTTP (?:response|version|status code) (".*")$`), "it does not speak HTTP: its answer begins with %s"},
	{lazyregexp.New(`(invalid byte in chunk length|malformed chunked encoding|chunk length too large|chunked line ends with bare LF|invalid chunk extension)`), "its answer is not whole: the lengths of its chunks are broken (%s)"},
}

// maxQuotedAnswer is how many bytes of an answer a message quotes.
const maxQuotedAnswer = 60

// protocolText describes an answer that is not HTTP, and gives "" for any other error.
func protocolText(err error) string {
	for _, b := range brokenAnswers {
		if m := b.words.FindStringSubmatch(err.Error()); m != nil {
			quoted := m[1]
			if len(quoted) > maxQuotedAnswer {
				quoted = strings.ToValidUTF8(quoted[:maxQuotedAnswer], "") + `..."`
			}
			return fmt.Sprintf(b.means, quoted)
		}
	}
	return ""
}
