package plan

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/redact"
)

// A SourceText is the text of one file of a plan, for people.
type SourceText struct {
	File   string `json:"file"`   // as the user named it
	Text   string `json:"text"`   // with [redacted] in place of what may be a secret
	Digest string `json:"digest"` // sha256:HEX of the text without that
}

// Texts returns the texts of the files of the plan: the plan file, those that it
// includes, and the one whose connections replace its own. It is empty for a Plan that was not read.
func (p *Plan) Texts() []SourceText {
	var texts []SourceText
	for _, s := range p.sources {
		texts = append(texts, s.masked())
	}
	return texts
}

// VarTexts returns the values of the plan's variables as texts, by name, as they are after what
// the Options add: lists and mappings as JSON. What seal returns stands in place of a text that
// may be secret: by the name of the variable or of a key in it, or since the Redactor knows it.
// It is for telling whether values are the same.
func (p *Plan) VarTexts(seal func(secret string) string) map[string]string {
	all := map[string]string{}
	for _, s := range p.scopes {
		for name, v := range s.vars {
			text := v.value.asText(seal)
			if v.node.sensitive || p.Redactor.Text(text) != text {
				text = seal(v.value.asText(func(secret string) string { return secret }))
			}
			all[name] = text
		}
	}
	return all
}

// asText returns a text as it is, and a list or a mapping as JSON, with what stands under the
// name of a secret sealed.
func (v varValue) asText(seal func(string) string) string {
	var value any = v.text
	switch v.kind {
	case isMapping:
		texts := map[string]string{}
		for _, it := range v.items {
			if texts[it.key] = it.text; redact.SurelySecret(it.key) {
				texts[it.key] = seal(it.text)
			}
		}
		value = texts
	case isSequence:
		texts := []string{}
		for _, it := range v.items {
			texts = append(texts, it.text)
		}
		value = texts
	default:
		return v.text
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// RevealAll reads the secrets of the plan that can be read, so that its Redactor knows
// them. It is for texts that others shall see, such as a page of a past run.
func (p *Plan) RevealAll(ctx context.Context) {
	for _, s := range p.secrets {
		// What cannot be read here and now cannot be masked.
		_, _ = Secret{s}.Reveal(ctx)
	}
}

// masked gives the text as it may be shown.
func (s *source) masked() SourceText {
	shown := make([]string, len(s.lines))
	for i, line := range s.lines {
		shown[i], _ = s.mask.Render(i, line, 0)
	}
	return SourceText{File: s.file, Text: strings.Join(shown, "\n"), Digest: checksum.SHA256([]byte(strings.Join(s.lines, "\n")))}
}
