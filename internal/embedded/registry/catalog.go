package registry

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// How many names a page of the catalog has, by default and at most.
const (
	defaultPage = 100
	maxPage     = 1000
)

// repositories are those that are stored.
type repositories interface {
	// after gives the first n names after last, in the order of their bytes.
	after(last string, n int) ([]string, error)
	// serve answers a request about one of them, or about none.
	serve(w http.ResponseWriter, req *http.Request, at place)
}

// noRepositories are those of a registry that stores nothing.
type noRepositories struct{}

func (noRepositories) after(string, int) ([]string, error) { return nil, nil }

func (noRepositories) serve(w http.ResponseWriter, req *http.Request, at place) {
	serveNothing(w, req, at.repo != "")
}

// catalog sends one page of names.
func (r *Registry) catalog(w http.ResponseWriter, req *http.Request, images *generated) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		sendError(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "the catalog can only be read")
		return
	}
	query := req.URL.Query()
	n, ok := pageSize(query, defaultPage)
	if !ok || n == 0 || n > maxPage {
		sendError(w, http.StatusBadRequest, "PAGINATION_NUMBER_INVALID",
			"n has to be a number from 1 to "+strconv.Itoa(maxPage))
		return
	}
	// One name more than the page holds tells whether there is a next page.
	names, err := r.names.after(query.Get("last"), n+1)
	if err != nil {
		sendError(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	names = slices.Concat(names, after(images.names, query.Get("last"), n+1))
	slices.Sort(names)
	names = cutPage(w, req.URL, slices.Compact(names), n)
	sendJSON(w, http.StatusOK, map[string]any{"repositories": names})
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
