package wire

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/paging"
)

type pageKey struct{}

// WithPage makes the request for a catalog one for the page with this query.
func WithPage(ctx context.Context, query string) context.Context {
	return context.WithValue(ctx, pageKey{}, query)
}

// forPage gives the request for the page of a catalog that its context says.
func forPage(req *http.Request) *http.Request {
	query, ok := req.Context().Value(pageKey{}).(string)
	if !ok || query == "" || !isCatalog(req) {
		return req
	}
	page, u := *req, *req.URL
	u.RawQuery, page.URL = query, &u
	return &page
}

func isCatalog(req *http.Request) bool {
	return req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/_catalog")
}

var linkTarget = lazyregexp.New(`<([^>]*)>`)

// ownLinks leaves of the links to another host their query, on the path of the request. A
// registry behind a proxy may know itself by another name, scheme or port; and another host
// gets neither requests nor credentials because a list says so.
func ownLinks(req *http.Request, resp *http.Response) {
	links := resp.Header.Values("Link")
	if len(links) == 0 || !isPage(req) && !isCatalog(req) {
		return
	}
	own := make([]string, len(links))
	for i, link := range links {
		own[i] = linkTarget.ReplaceAllStringFunc(link, func(target string) string {
			u, err := req.URL.Parse(strings.Trim(target, "<>"))
			if err != nil || hostname.Origin(u) == hostname.Origin(req.URL) || u.RawQuery == "" {
				return target
			}
			return "<" + req.URL.EscapedPath() + "?" + u.RawQuery + ">"
		})
	}
	resp.Header["Link"] = own
}

// NextPage reads the query of the next page of a catalog from a Link header, "" for none.
// names are those of this page, of which a registry gives at most so many. It does not follow
// the address of the link, and rejects a link to another host that has no query.
func NextPage(h http.Header, origin string, names []string, most int) (string, error) {
	for _, link := range h.Values("Link") {
		target, params, ok := strings.Cut(link, ";")
		if !ok || !strings.Contains(strings.ReplaceAll(params, `"`, ""), "rel=next") {
			continue
		}
		u, err := url.Parse(strings.Trim(strings.TrimSpace(target), "<>"))
		if err != nil {
			return "", fmt.Errorf("the link to the next page: %w", err)
		}
		if u.Host != "" && hostname.Origin(u) != origin {
			return "", fmt.Errorf("%w: the next page is said to be on %s", paging.ErrEndless, u.Host)
		}
		if u.RawQuery != "" {
			return u.RawQuery, nil
		}
		if len(names) > 0 {
			return url.Values{"n": {strconv.Itoa(most)}, "last": {names[len(names)-1]}}.Encode(), nil
		}
		return "", fmt.Errorf("%w: the link to the next page does not say where it begins", paging.ErrEndless)
	}
	return "", nil
}
