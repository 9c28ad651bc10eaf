package cloudserver

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Numbers of images on one page of a list.
const (
	defaultLimit = 25
	maxLimit     = 1000
)

// listImages sends one page of the images that match the query.
func (c *Cloud) listImages(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	keep, err := parseFilter(query)
	if err != nil {
		return err
	}
	order, err := parseSort(query)
	if err != nil {
		return err
	}
	images := slices.DeleteFunc(c.images.all(), func(i image) bool { return !keep(&i) })
	slices.SortFunc(images, order)
	page, more, err := paginate(images, query)
	if err != nil {
		return err
	}
	shown := []any{}
	for _, i := range page {
		shown = append(shown, i.show())
	}
	answer := obj{"images": shown, "schema": "/v2/schemas/images", "first": pageLink(query, "")}
	if more {
		answer["next"] = pageLink(query, page[len(page)-1].ID)
	}
	return writeJSON(w, http.StatusOK, answer)
}

// paginate returns the page of the sorted images that the query asks for. more
// reports whether there may be another page.
func paginate(images []image, query url.Values) (page []image, more bool, err error) {
	limit, err := parseLimit(query)
	if err != nil {
		return nil, false, err
	}
	if marker := query.Get("marker"); marker != "" {
		at := slices.IndexFunc(images, func(i image) bool { return i.ID == marker })
		if at < 0 {
			return nil, false, refuse(http.StatusBadRequest, "the marker %q is not an image of this list", marker)
		}
		images = images[at+1:]
	}
	if len(images) < limit {
		return images, false, nil
	}
	// Like Glance, a full page has a link to a next one, which may be empty.
	return images[:limit], limit > 0, nil
}

func parseLimit(query url.Values) (int, error) {
	text := query.Get("limit")
	if text == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, refuse(http.StatusBadRequest, "limit must be a number of images, not %q", text)
	}
	return min(n, maxLimit), nil
}

func pageLink(query url.Values, marker string) string {
	q := url.Values{}
	for name, values := range query {
		if name != "marker" {
			q[name] = values
		}
	}
	if marker != "" {
		q.Set("marker", marker)
	}
	if len(q) == 0 {
		return "/v2/images"
	}
	return "/v2/images?" + q.Encode()
}

// An order compares two images.
type order = func(a, b image) int

var sortKeys = map[string]order{
	"name":             compareBy(func(i image) string { return orEmpty(i.Name) }),
	"status":           compareBy(func(i image) string { return i.Status }),
	"visibility":       compareBy(func(i image) string { return i.Visibility }),
	"disk_format":      compareBy(func(i image) string { return i.DiskFormat }),
	"container_format": compareBy(func(i image) string { return i.ContainerFormat }),
	"owner":            compareBy(func(i image) string { return i.Owner }),
	"size":             compareBy(image.size),
	"min_disk":         compareBy(func(i image) int64 { return i.MinDisk }),
	"min_ram":          compareBy(func(i image) int64 { return i.MinRAM }),
	"id":               compareBy(func(i image) string { return i.ID }),
	"created_at":       func(a, b image) int { return a.Created.Compare(b.Created) },
	"updated_at":       func(a, b image) int { return a.Updated.Compare(b.Updated) },
}

func compareBy[T cmp.Ordered](key func(image) T) order {
	return func(a, b image) int { return cmp.Compare(key(a), key(b)) }
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (i image) size() int64 {
	if i.Data == nil {
		return 0
	}
	return i.Data.Size
}

// parseSort reads sort=KEY:DIR,... or any number of sort_key with sort_dir. Equal
// images are sorted by time and id, newest first.
func parseSort(query url.Values) (order, error) {
	keys, dirs := query["sort_key"], query["sort_dir"]
	if text := query.Get("sort"); text != "" {
		if len(keys)+len(dirs) > 0 {
			return nil, refuse(http.StatusBadRequest, "sort cannot be given together with sort_key or sort_dir")
		}
		for part := range strings.SplitSeq(text, ",") {
			key, dir, ok := strings.Cut(strings.TrimSpace(part), ":")
			if !ok {
				dir = "desc"
			}
			keys, dirs = append(keys, key), append(dirs, dir)
		}
	}
	if len(dirs) > max(1, len(keys)) {
		return nil, refuse(http.StatusBadRequest, "there are more sort directions than sort keys")
	}
	orders, err := parseOrders(keys, dirs)
	if err != nil {
		return nil, err
	}
	return func(a, b image) int {
		for _, o := range orders {
			if n := o(a, b); n != 0 {
				return n
			}
		}
		return 0
	}, nil
}

func parseOrders(keys, dirs []string) ([]order, error) {
	dir := "desc"
	if len(dirs) == 1 {
		dir = dirs[0] // one direction is for all keys
	}
	var orders []order
	for n, key := range keys {
		d := dir
		if len(dirs) > 1 && n < len(dirs) {
			d = dirs[n]
		}
		o, err := sortOrder(key, d)
		if err != nil {
			return nil, err
		}
		orders = append(orders, o)
	}
	for _, key := range []string{"created_at", "id"} {
		o, err := sortOrder(key, dir)
		if err != nil {
			return nil, err
		}
		orders = append(orders, o)
	}
	return orders, nil
}

func sortOrder(key, dir string) (order, error) {
	o, ok := sortKeys[key]
	if !ok {
		return nil, refuse(http.StatusBadRequest, "images cannot be sorted by %q", key)
	}
	switch dir {
	case "asc":
		return o, nil
	case "desc":
		return func(a, b image) int { return o(b, a) }, nil
	}
	return nil, refuse(http.StatusBadRequest, "a sort direction must be asc or desc, not %q", dir)
}
