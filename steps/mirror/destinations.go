package mirror

import (
	"errors"
	"fmt"

	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
)

// toField names a destination for messages.
func (m *mirror) toField(i int) string {
	if len(m.To.Items) == 1 {
		return "to"
	}
	return fmt.Sprintf("to[%d]", i)
}

// validateTo checks the destinations. One that is not known yet passes.
func (m *mirror) validateTo() []error {
	var errs []error
	if m.To.Items != nil && len(m.To.Items) == 0 {
		errs = append(errs, plan.At("to", errors.New("the list names no destination")))
	}
	for i, to := range m.To.Items {
		field := m.toField(i)
		errs = append(errs, plan.At(field, m.out.CheckRegistry(to.Text)), plan.At(field+".layout", imagelist.CheckLayoutPath(string(to.Other.Layout))))
		for _, before := range m.To.Items[:i] {
			if to == before && !to.IsZero() {
				errs = append(errs, plan.At(field, errors.New("the destination is in the list already")))
				break
			}
		}
	}
	return errs
}

// bases gives the beginnings of the targets' names: a registry's host, or oci:LAYOUT.
func (m *mirror) bases() ([]string, error) {
	bases := make([]string, len(m.To.Items))
	var errs []error
	for i, to := range m.To.Items {
		if dir := to.Other.Layout; dir != "" {
			bases[i] = registry.LayoutPrefix + string(dir)
			continue
		}
		var err error
		bases[i], err = m.out.RegistryHost(to.Text)
		errs = append(errs, err)
	}
	return bases, errors.Join(errs...)
}

// layouts gives the paths of the layouts among the destinations.
func (m *mirror) layouts() []string {
	var dirs []string
	for _, to := range m.To.Items {
		if to.Other.Layout != "" {
			dirs = append(dirs, string(to.Other.Layout))
		}
	}
	return dirs
}

// hosts gives the hosts of the registries among the destinations, and "" for those that
// are layouts or not known.
func (m *mirror) hosts() []string {
	hosts := make([]string, len(m.To.Items))
	for i, to := range m.To.Items {
		if to.Text != "" {
			hosts[i], _ = m.out.RegistryHost(to.Text) // Validate has reported the error
		}
	}
	return hosts
}

// once gives errors, each text once: what is wrong with a list is so for all
// destinations.
func once(errs []error) []error {
	var all []error
	seen := map[string]bool{}
	for _, err := range errs {
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			all = append(all, err)
		}
	}
	return all
}
