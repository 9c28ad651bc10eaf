package registry

import (
	"fmt"

	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
)

// fits tells before anything is moved when the blobs will not fit on the disks
// of the layouts they go to.
func (c *Client) fits(t *Table) error {
	need := map[string]int64{}
	for _, b := range t.Blobs {
		dir := b.places[0].repo.Path
		if dir == "" || b.isPresent() {
			continue
		}
		if _, known := need[dir]; !known {
			l, _ := c.layouts.at(dir)
			need[dir] = l.OverheadBytes()
		}
		need[dir] += min(b.Size, 1<<60) // sizes are what manifests say
	}
	for dir, n := range need {
		free, known := durable.FreeSpace(dir)
		if !known || n >= 0 && n <= free {
			continue // not known: then writing will tell
		}
		err := fmt.Errorf("%s: %d bytes are free, the images take %d", dir, free, n)
		return on(destination, fault.WithHint(err, "make room, or let the layout be somewhere else"))
	}
	return nil
}
