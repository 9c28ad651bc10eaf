package cloudserver

import (
	"encoding/csv"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A filter reports whether an image belongs in a list.
type filter func(*image) bool

// notFilters are the parameters of a list that do not filter it.
var notFilters = []string{"limit", "marker", "sort", "sort_key", "sort_dir", "member_status"}

// parseFilter reads all filters of a query. A name that is not an attribute is a
// property.
func parseFilter(query url.Values) (filter, error) {
	var all []filter
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if slices.Contains(notFilters, name) {
			continue
		}
		for _, value := range query[name] {
			f, err := oneFilter(name, value)
			if err != nil {
				return nil, err
			}
			all = append(all, f)
		}
	}
	if !query.Has("os_hidden") {
		all = append(all, func(i *image) bool { return !i.Hidden })
	}
	return func(i *image) bool {
		return !slices.ContainsFunc(all, func(f filter) bool { return !f(i) })
	}, nil
}

// textAttributes are compared as texts.
var textAttributes = map[string]func(*image) string{
	"id":               func(i *image) string { return i.ID },
	"name":             func(i *image) string { return orEmpty(i.Name) },
	"status":           func(i *image) string { return i.Status },
	"disk_format":      func(i *image) string { return i.DiskFormat },
	"container_format": func(i *image) string { return i.ContainerFormat },
	"owner":            func(i *image) string { return i.Owner },
	"checksum":         func(i *image) string { return i.data().MD5 },
	"os_hash_value":    func(i *image) string { return i.data().SHA512 },
	"os_hash_algo":     func(i *image) string { return i.hashAlgo() },
	"min_disk":         func(i *image) string { return strconv.FormatInt(i.MinDisk, 10) },
	"min_ram":          func(i *image) string { return strconv.FormatInt(i.MinRAM, 10) },
	"size":             func(i *image) string { return strconv.FormatInt(i.size(), 10) },
}

func (i *image) data() contents {
	if i.Data == nil {
		return contents{}
	}
	return *i.Data
}

func (i *image) hashAlgo() string {
	if i.Data == nil {
		return ""
	}
	return "sha512"
}

// manyValued are the attributes whose filter may be in:A,B,...
var manyValued = []string{"id", "name", "status", "disk_format", "container_format"}

func oneFilter(name, value string) (filter, error) {
	switch name {
	case "tag":
		return func(i *image) bool { return slices.Contains(i.Tags, value) }, nil
	case "visibility":
		return visibilityFilter(value)
	case "protected":
		return flagFilter(name, value, func(i *image) bool { return i.Protected })
	case "os_hidden":
		return flagFilter(name, value, func(i *image) bool { return i.Hidden })
	case "size_min", "size_max":
		return sizeFilter(name, value)
	case "created_at":
		return timeFilter(name, value, func(i *image) time.Time { return i.Created })
	case "updated_at":
		return timeFilter(name, value, func(i *image) time.Time { return i.Updated })
	}
	if attribute, ok := textAttributes[name]; ok {
		return textFilter(name, value, attribute)
	}
	return func(i *image) bool { got, ok := i.Properties[name]; return ok && got == value }, nil
}

func textFilter(name, value string, attribute func(*image) string) (filter, error) {
	list, ok := strings.CutPrefix(value, "in:")
	if !ok || !slices.Contains(manyValued, name) {
		return func(i *image) bool { return attribute(i) == value }, nil
	}
	wanted, err := csv.NewReader(strings.NewReader(list)).Read()
	if err != nil && !errors.Is(err, io.EOF) { // in: alone is an empty list
		return nil, refuse(http.StatusBadRequest, "the filter %s=%q is not in:A,B,...: %v", name, value, err)
	}
	return func(i *image) bool { return slices.Contains(wanted, attribute(i)) }, nil
}

func visibilityFilter(value string) (filter, error) {
	if !slices.Contains(visibilities, value) {
		return nil, refuse(http.StatusBadRequest, "visibility cannot be %q", value)
	}
	return func(i *image) bool { return value == "all" || i.Visibility == value }, nil
}

func flagFilter(name, value string, flag func(*image) bool) (filter, error) {
	want, err := strconv.ParseBool(strings.ToLower(value))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%s must be true or false, not %q", name, value)
	}
	return func(i *image) bool { return flag(i) == want }, nil
}

func sizeFilter(name, value string) (filter, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%s must be a number of bytes, not %q", name, value)
	}
	// An image without data has no size, and so matches neither bound.
	if name == "size_min" {
		return func(i *image) bool { return i.Data != nil && i.Data.Size >= n }, nil
	}
	return func(i *image) bool { return i.Data != nil && i.Data.Size <= n }, nil
}

// timeFilter reads OP:TIME, or a time alone. It compares whole seconds, since the
// service shows no fractions.
func timeFilter(name, value string, at func(*image) time.Time) (filter, error) {
	op, text, ok := strings.Cut(value, ":")
	holds, known := timeOps[op]
	if !ok || !known {
		text, holds = value, timeOps["eq"]
	}
	want, ok := parseTime(text)
	if !ok {
		return nil, refuse(http.StatusBadRequest, "the filter %s=%q has no valid time", name, value)
	}
	return func(i *image) bool { return holds(at(i).Truncate(time.Second).Compare(want.Truncate(time.Second))) }, nil
}

// parseTime reads a time in one of the forms that clients use: complete, without
// a zone, or only a date.
func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

var timeOps = map[string]func(int) bool{
	"gt":  func(n int) bool { return n > 0 },
	"gte": func(n int) bool { return n >= 0 },
	"lt":  func(n int) bool { return n < 0 },
	"lte": func(n int) bool { return n <= 0 },
	"eq":  func(n int) bool { return n == 0 },
	"neq": func(n int) bool { return n != 0 },
}
