package document

import (
	"fmt"
	"strings"

	"github.com/bayplan/bayplan/runner"
)

// A Base is the plan with which `bayplan diff --base` compares.
type Base struct {
	Base    string       `json:"base"`            // FILE or git:REVISION, as it was named
	New     bool         `json:"new,omitempty"`   // the revision has no such plan: all of it is new
	Changes []PlanChange `json:"changes"`         // what is another in the plan, whether or not a step shows it
	Notes   []string     `json:"notes,omitempty"` // what to know of the comparison
}

// A PlanChange is a setting of the plan, or a file that the plan names, that is another than in
// the base.
type PlanChange struct {
	Op      runner.Op `json:"op"`                // create, update or remove
	Setting string    `json:"setting,omitempty"` // its path, such as connections.registries.NAME.tls
	File    string    `json:"file,omitempty"`    // as the plan means it
	From    string    `json:"from,omitempty"`    // its value in the base, a text or JSON; of a list, an entry that is gone
	To      string    `json:"to,omitempty"`      // its value in the plan; of a list, an entry that is new
	Note    string    `json:"note,omitempty"`    // what else to know
	Fresh   bool      `json:"-"`                 // what has the setting, such as a connection, is new as a whole
}

// Name returns what has changed: the setting or the file.
func (c PlanChange) Name() string {
	if c.File != "" {
		return "file " + c.File
	}
	return c.Setting
}

// Line says in one line with what the plan is compared.
func (b *Base) Line(quote func(string) string) string {
	if b.New {
		return fmt.Sprintf("the plan is new: %s does not have it; sizes and digests are those of stand-ins", quote(b.Base))
	}
	return fmt.Sprintf("compared with %s in a rehearsal: sizes and digests are those of stand-ins", quote(b.Base))
}

// mostSetting is how many bytes of a setting, of its name and of a note are shown to people.
const mostSetting = 200

// Text says in one line what has changed, without the operation. quote makes each text of others
// one that may be shown.
func (c PlanChange) Text(quote func(string) string) string {
	text := quote(cut(c.Name()))
	switch {
	case c.From != "" && c.To != "":
		text += ": " + quote(cut(c.From)) + " -> " + quote(cut(c.To))
	case c.From+c.To != "":
		text += ": " + quote(cut(c.From+c.To))
	}
	if c.Note != "" {
		text += "; " + quote(cut(c.Note))
	}
	return text
}

func cut(value string) string {
	if len(value) <= mostSetting {
		return value
	}
	return strings.ToValidUTF8(value[:mostSetting], "") + "…"
}
