package runner

import "strings"

// A Sparer is a Step that may remove what it did not make. The runner calls Spare before
// BeforeApply and before Verify. made returns the names of what other steps of the plan make, each
// with the id of its step: names that the plan shows, and those that the steps have found or
// recorded under an output that is Made. In registries and layouts they are HOST/NAME:TAG and
// oci:LAYOUT:NAME:TAG.
type Sparer interface {
	Spare(made func() map[string]string)
}

// madeByOthers returns what collects, in the step's goroutine, the names of what other steps make; nil
// for a step that is no Sparer.
func (rs *runState) madeByOthers(n *Node) func() map[string]string {
	if _, ok := n.Type.New().(Sparer); !ok {
		return nil
	}
	if rs.recorded == nil {
		rs.recorded = map[string]Outputs{} // what steps record later, outputs has, too
		for _, m := range rs.runner.Graph.Nodes {
			if rec := rs.runner.recorded(m); rec != nil {
				rs.recorded[m.ID()] = rec.Outputs
			}
		}
	}
	return func() map[string]string {
		names := rs.runner.Graph.makers.filledByOthers(n)
		rs.ending.RLock()
		defer rs.ending.RUnlock()
		for _, m := range rs.runner.Graph.Nodes {
			found := rs.recorded[m.ID()]
			if now, ok := rs.outputs[m.ID()]; ok {
				found = now
			}
			for _, o := range m.Type.Outputs {
				if m == n || !o.Made {
					continue
				}
				for _, name := range found[o.Name].Items() {
					names[strings.SplitN(name, "@", 2)[0]] = m.ID()
				}
			}
		}
		return names
	}
}

// filledByOthers returns the names in registries that the plan shows of what other steps make.
func (m *makers) filledByOthers(n *Node) map[string]string {
	names := map[string]string{}
	if m == nil {
		return names
	}
	for _, t := range m.all {
		for _, place := range t.Fills {
			for _, name := range place.Names {
				if t.node != n && name != "" && !strings.ContainsAny(name, "*@") && place.Where.Kind == RegistryServer {
					names[place.Where.Name+"/"+name] = t.node.ID()
				}
			}
		}
	}
	return names
}
