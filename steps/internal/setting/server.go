package setting

import (
	"net/url"

	"github.com/bayplan/bayplan/runner"
)

// WebServer gives the web server of a field that holds URLs, of which any one will do.
// It gives none for files.
func WebServer(field string, urls ...string) []runner.Server {
	server := runner.Server{Kind: runner.WebServer, Field: field}
	known, local := true, false
	for _, raw := range urls {
		u, err := url.Parse(raw)
		switch {
		case err != nil || raw == "":
			known = false
		case u.Scheme == "http" || u.Scheme == "https":
			server.Hosts, server.URLs = append(server.Hosts, u.Host), append(server.URLs, raw)
		default:
			local = true
		}
	}
	if local || len(urls) == 0 {
		return nil
	}
	if !known {
		server.Hosts, server.URLs = nil, nil
	}
	return []runner.Server{server}
}
