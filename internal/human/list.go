package human

import (
	"fmt"
	"strings"
)

// Some joins the first of several names with commas, and counts the others: "a, b and 3
// more". most is how many names are written.
func Some(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
