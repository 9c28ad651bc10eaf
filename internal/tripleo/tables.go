package tripleo

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed data/*.tsv
var dataFiles embed.FS

// readTable reads a built-in table: tab-separated fields with a first line that
// names them. Each row maps field names to values.
func readTable(name string) ([]map[string]string, error) {
	text, err := dataFiles.ReadFile("data/" + name + ".tsv")
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	fields := strings.Split(lines[0], "\t")
	rows := make([]map[string]string, 0, len(lines)-1)
	for i, line := range lines[1:] {
		values := strings.Split(line, "\t")
		if len(values) != len(fields) {
			return nil, fmt.Errorf("built-in table %s: line %d has %d fields, not %d", name, i+2, len(values), len(fields))
		}
		row := map[string]string{}
		for j, field := range fields {
			row[field] = values[j]
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// defaultRoles returns the default roles in a table, or nil for a release without
// one.
func defaultRoles(name string) ([]Role, error) {
	if name == "" {
		return nil, nil
	}
	rows, err := readTable(name)
	if err != nil {
		return nil, err
	}
	var roles []Role
	for _, row := range rows {
		if len(roles) == 0 || roles[len(roles)-1].Name != row["role"] {
			count, err := strconv.Atoi(row["count"])
			if err != nil {
				return nil, fmt.Errorf("built-in table %s: %w", name, err)
			}
			roles = append(roles, Role{Name: row["role"], Count: count})
		}
		role := &roles[len(roles)-1]
		role.Services = append(role.Services, row["service"])
	}
	return roles, nil
}

// baseEnvironment returns the resource registry that a release loads before the
// operator's environments.
func baseEnvironment(name string) (*Environment, error) {
	rows, err := readTable(name)
	if err != nil {
		return nil, err
	}
	kinds := map[string]Kind{"docker": InContainers, "puppet": OnHost, "none": Off}
	env := newEnvironment()
	for _, row := range rows {
		kind, ok := kinds[row["kind"]]
		if !ok {
			return nil, fmt.Errorf("built-in table %s: unknown kind %q", name, row["kind"])
		}
		env.Registry[row["service"]] = Target{Kind: kind, Text: row["kind"]}
	}
	return env, nil
}
