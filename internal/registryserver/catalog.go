package registryserver

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// The number of names on a page of the catalog, by default and at most.
const (
	defaultPage = 100
	maxPage     = 1000
)

// catalog sends one page of names.
func (r *Registry) catalog(w http.ResponseWriter, req *http.Request) error {
	if !isRead(req) {
		return notAllowed{readMethods, "the catalog can only be read"}
	}
	query := req.URL.Query()
	n, ok := pageSize(query, defaultPage)
	if !ok || n == 0 || n > maxPage {
		return refusal{http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "n has to be a number from 1 to " + strconv.Itoa(maxPage)}
	}
	images, err := r.images()
	if err != nil {
		return err
	}
	var names []string
	for _, s := range []storage{images, r.stored} {
		// One more name than the page holds shows whether there is a next page.
		more, err := s.after(query.Get("last"), n+1)
		if err != nil {
			return err
		}
		names = append(names, more...)
	}
	slices.Sort(names)
	names = cutPage(w, req.URL, slices.Compact(names), n)
	sendJSON(w, http.StatusOK, map[string]any{"repositories": names})
	return nil
}

// pageSize reads n.
func pageSize(query url.Values, otherwise int) (n int, ok bool) {
	if !query.Has("n") {
		return otherwise, true
	}
	n, err := strconv.Atoi(query.Get("n"))
	return n, err == nil && n >= 0
}

// after gives up to n of the sorted names that come after last.
func after(sorted []string, last string, n int) []string {
	from, found := slices.BinarySearch(sorted, last)
	if found {
		from++
	}
	return sorted[from:min(from+n, len(sorted))]
}

// cutPage gives the first n names, and links to the page after them if there
// are more.
func cutPage(w http.ResponseWriter, u *url.URL, names []string, n int) []string {
	if len(names) <= n {
		return append([]string{}, names...) // never null
	}
	names = names[:n]
	if n > 0 {
		q := url.Values{"n": {strconv.Itoa(n)}, "last": {names[n-1]}}
		w.Header().Set("Link", "<"+u.EscapedPath()+"?"+q.Encode()+`>; rel="next"`)
	}
	return names
}
