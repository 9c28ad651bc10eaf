package cloudsyaml

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/yamlguard"
)

// merge puts together the vendor profile, the entry and the settings of its region.
func (f *files) merge(ctx context.Context, c *Cloud, r Request, entry settings) (settings, error) {
	profile, err := f.profile(ctx, c, entry)
	if err != nil {
		return nil, err
	}
	s := settings{{"auth", settings{}}}
	s.update(profile)
	s.update(entry)
	regions, err := knownRegions(entry.normalized(), profile)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(regions, r.Region)
	if err != nil {
		return nil, err
	}
	if old, err := scalar(s.get("region_name"), "region_name"); err == nil && old != "" && old != chosen.name && entry.get("regions") != nil && r.Region == "" {
		c.Notes = append(c.Notes, fmt.Sprintf("%s: regions begins with %s, so region_name %s is not used", c.Source, chosen.name, old))
	}
	for _, p := range chosen.values {
		if p.value != nil {
			s.update(settings{p})
		}
	}
	s.set("region_name", text(chosen.name))
	return s, nil
}

// profile gives the vendor profile that the entry names. If it is not known, the entry is
// used without it, with a note.
func (f *files) profile(ctx context.Context, c *Cloud, entry settings) (settings, error) {
	key := "profile"
	if !entry.has(key) {
		key = "cloud" // its old name
	}
	name, err := scalar(entry.get(key), key)
	if err != nil || name == "" || name == environmentName() {
		return nil, err
	}
	if strings.Contains(name, "://") {
		return nil, fmt.Errorf("setting %s: an address is not supported; bayplan reads profiles from clouds-public.yaml", key)
	}
	public, err := findFile(ctx, "clouds-public", "", f.dirs)
	if err != nil {
		return nil, err
	}
	c.Files.Public = public.path
	s, found, err := public.entry(name)
	if err != nil || found {
		return s, err
	}
	where := "there is no clouds-public.yaml"
	if public.path != "" {
		where = "it is not in " + public.path
	}
	c.Notes = append(c.Notes, fmt.Sprintf("%s: the vendor profile %s is not used: %s", c.Source, name, where))
	return nil, nil
}

// environmentName is the name of the cloud that the OS_* variables describe.
func environmentName() string {
	if name := os.Getenv("OS_CLOUD_NAME"); name != "" {
		return name
	}
	return "envvars"
}

// A region of a cloud may have settings of its own.
type region struct {
	name   string
	values settings
}

// knownRegions gives the regions that the entry names, or else those of its profile. In both,
// regions comes before region_name. The region_name of an entry may name several, with commas
// between them or as a list; that of a profile is one name.
func knownRegions(entry, profile settings) ([]region, error) {
	if value := entry.get("regions"); value != nil {
		return readRegions(value)
	}
	switch value := entry.get("region_name").(type) {
	case nil:
	case []any:
		return readRegions(value)
	default:
		names, err := scalar(value, "region_name")
		if err != nil {
			return nil, err
		}
		var regions []region
		for name := range strings.SplitSeq(names, ",") {
			regions = append(regions, region{name: name})
		}
		return regions, nil
	}
	if value := profile.get("regions"); value != nil {
		if regions, err := readRegions(value); err != nil || len(regions) > 0 {
			return regions, err
		}
	}
	name, err := scalar(profile.get("region_name"), "region_name")
	if err != nil || name == "" {
		return nil, err
	}
	return []region{{name: name}}, nil
}

func readRegions(value any) ([]region, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, errors.New("setting regions is not a list")
	}
	regions := make([]region, len(list))
	for i, item := range list {
		path := fmt.Sprintf("regions[%d]", i)
		table, ok := item.(settings)
		if !ok {
			name, err := scalar(item, path)
			if err != nil {
				return nil, err
			}
			regions[i].name = name
			continue
		}
		for _, p := range table {
			if p.key != "name" && p.key != "values" {
				return nil, fmt.Errorf("setting %s.%s is not supported: a region has name and values", path, p.key)
			}
		}
		name, err := scalar(table.get("name"), path+".name")
		if err != nil {
			return nil, err
		}
		if _, ok := table.get("name").(yamlguard.Opened); !ok {
			return nil, fmt.Errorf("setting %s has no name", path)
		}
		regions[i] = region{name, table.table("values")}
	}
	return regions, nil
}

// choose gives the region of that name, or the first one.
func choose(regions []region, name string) (region, error) {
	if len(regions) == 0 {
		return region{name: name}, nil
	}
	if name == "" {
		return regions[0], nil
	}
	i := slices.IndexFunc(regions, func(r region) bool { return r.name == name })
	if i < 0 {
		var names []string
		for _, r := range regions {
			names = append(names, r.name)
		}
		return region{}, fmt.Errorf("there is no region %s; there are %s", name, strings.Join(names, ", "))
	}
	return regions[i], nil
}
