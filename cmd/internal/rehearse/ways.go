package rehearse

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/rehearse/trees"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/runner"
)

// waysOf gives how what a step has made can be damaged: each thing in its own way, and no
// more than maxTries of a kind.
func (d *damager) waysOf(n *runner.Node, reports []*runner.Report) []damage {
	var ways []damage
	seen, kinds := map[string]bool{}, map[string]int{}
	add := func(it runner.Item) {
		kind := string(it.What) + fmt.Sprint(d.root.Holds(it.Name))
		if seen[it.Name] || kinds[kind] == maxTries || it.Op == runner.Remove {
			return
		}
		if way, ok := d.wayOf(n, it); ok {
			seen[it.Name] = true
			kinds[kind]++
			ways = append(ways, way)
		}
	}
	for _, report := range reports {
		s := report.Step(n.ID())
		if s == nil {
			continue
		}
		if c := s.Finding.Change; c != nil {
			for _, it := range c.Items {
				add(it)
			}
		}
		if s.Status != runner.Unchanged { // what it has made, where its items do not name it
			for _, path := range n.Type.Made(s.Outputs) {
				if fi, err := os.Lstat(path); err == nil && fi.Mode().IsRegular() && d.root.Holds(path) {
					add(runner.Item{What: runner.RegularFile, Name: path})
				}
			}
		}
	}
	return append(ways, d.removals(ways)...)
}

// removals are further ways: files that are gone.
func (d *damager) removals(ways []damage) []damage {
	var more []damage
	for _, way := range ways {
		if way.file != "" {
			more = append(more, damage{what: "the file " + d.root.Strip(way.file) + " is gone", do: func() error { return os.Remove(way.file) }})
		}
	}
	return more
}

// wayOf gives how one thing that a step has made can be damaged, if it can.
func (d *damager) wayOf(n *runner.Node, it runner.Item) (damage, bool) {
	name := d.root.Strip(it.Name)
	switch {
	case d.root.Holds(it.Name) && it.What == runner.Directory:
		return d.moveAway(it.Name, "the directory "+name+" is gone"), true
	case d.root.Holds(it.Name):
		return damage{what: "the file " + name + " has other bytes at its end", file: it.Name, do: func() error { return trees.Append(it.Name) }}, true
	case it.What != runner.Image:
		return damage{}, false
	}
	if dir, _, isLayout := registry.CutLayout(it.Name); isLayout {
		return d.breakLayout(dir), true
	}
	if host, repository, tag, err := registry.Split(it.Name); err == nil && tag != "" && strings.Contains(it.Name, "/") {
		return damage{what: "the tag of " + it.Name + " is gone", do: func() error { return d.world.registryOf(host).Remove(repository, tag) }}, true
	}
	clouds := d.cloudsOf(n)
	return d.breakCloudImage(clouds, it.Name), len(clouds) > 0
}

// breakCloudImage removes an image of one of some clouds. Another damage may have done so already.
func (d *damager) breakCloudImage(clouds []string, name string) damage {
	return damage{what: "the image " + name + " is gone", do: func() error {
		for _, cloud := range clouds {
			if c := d.world.clouds[cloud]; c != nil {
				if found, err := c.RemoveImage(name); found || err != nil {
					return err
				}
			}
		}
		return fs.ErrNotExist
	}}
}

// breakLayout removes a layout: what it held is made again.
func (d *damager) breakLayout(dir string) damage {
	return damage{what: "the layout " + d.root.Strip(dir) + " is gone", do: func() error { return trees.Remove(dir) }}
}

// moveAway moves a directory away, and back.
func (d *damager) moveAway(dir, what string) damage {
	return damage{
		what: what, dir: dir,
		do:   func() error { return os.Rename(dir, dir+".away") },
		undo: func() error { return os.Rename(dir+".away", dir) },
	}
}
