package registry

import (
	"fmt"
	"slices"

	"github.com/bayplan/bayplan/internal/human"
)

// Quotas says, for each source registry that bounds how much its user pulls, what a plan
// pulls of it and what is left. A line is such as "docker.io: 38 manifest pulls needed, 134
// pulls are left of 200 in 6h".
func (c *Client) Quotas(t *TransferPlan) []string {
	needed := map[string]int{}
	var hosts []string
	read := map[string]bool{} // an image for several destinations is read once
	for _, e := range t.Images {
		name := show(e.source) + " " + e.Digest
		if e.State != Copy || read[name] {
			continue
		}
		read[name] = true
		if needed[e.source.Registry] == 0 {
			hosts = append(hosts, e.source.Registry)
		}
		needed[e.source.Registry] += len(e.puts)
	}
	slices.Sort(hosts)
	var lines []string
	for _, h := range hosts {
		if q, limited := c.wire.Quota(c.identity(h).Address()); limited {
			lines = append(lines, fmt.Sprintf("%s: %s needed, %s", h, human.Count(needed[h], "manifest pull", "manifest pulls"), q))
		}
	}
	return lines
}

// Quota says what is left of what a registry lets its user pull, such as "134 pulls are left
// of 200 in 6h", and how many that are. It is false if the registry has told nothing yet.
func (c *Client) Quota(host string) (text string, left int, limited bool) {
	q, limited := c.wire.Quota(c.identity(c.registries.Name(host)).Address())
	return q.String(), q.Remaining, limited
}
