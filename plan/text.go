package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// A SourceText is the text of one file of a plan, for people.
type SourceText struct {
	File   string `json:"file"`   // as the user named it
	Text   string `json:"text"`   // with [redacted] in place of what may be a secret
	Digest string `json:"digest"` // sha256:HEX of the text without that
}

// Texts returns the text of the plan file. It is empty for a Plan that was not read.
func (p *Plan) Texts() []SourceText {
	if p.src == nil {
		return nil
	}
	return []SourceText{p.src.masked()}
}

// masked gives the text as it may be shown.
func (s *source) masked() SourceText {
	sum := sha256.Sum256([]byte(strings.Join(s.lines, "\n")))
	shown := make([]string, len(s.lines))
	for i, line := range s.lines {
		shown[i], _ = s.mask.render(i, line, 1)
	}
	return SourceText{File: s.file, Text: strings.Join(shown, "\n"), Digest: "sha256:" + hex.EncodeToString(sum[:])}
}
