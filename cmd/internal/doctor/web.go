package doctor

import (
	"context"
	"net/url"
	"strings"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/human"
)

// takeScheme takes the scheme of a web server without a connection from the plan's
// addresses.
func (s *server) takeScheme() {
	if len(s.reads) > 0 {
		if u, err := url.Parse(s.reads[0]); err == nil && s.Name == "" {
			s.URL = u.Scheme + "://" + u.Host + "/"
		}
	}
	if strings.HasPrefix(s.URL, "http:") && s.Name == "" {
		s.Endpoint.TLS = "disabled"
	}
}

// webServer looks at the files that the plan reads on a web server that answers.
func (d *doctor) webServer(ctx context.Context, s *server) []Finding {
	var found []Finding
	var files []string
	for _, at := range s.reads {
		if strings.HasSuffix(at, "/") { // a place where files are
			continue
		}
		if _, err := d.Conns.Downloads().Look(ctx, download.Request{URL: at}); err != nil {
			found = append(found, failed(ctx, "read", err, "check the address"))
			continue
		}
		files = append(files, download.RedactURL(at))
	}
	if len(files) > 0 {
		found = append(found, ok("read", "%s there: %s", human.Count(len(files), "file is", "files are"), human.Some(files, sample)))
	}
	return found
}
