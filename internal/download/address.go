package download

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
)

// CheckURL checks the URL of a file to download: its scheme must be http, https or
// file, and it must not have a user or password. An empty URL means "not set" and
// passes.
func CheckURL(raw string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("the address cannot be read")
	case u.User != nil:
		err := fmt.Errorf("%s holds a user, and maybe a password", RedactURL(raw))
		return fault.WithHint(err, "give them under connections.hosts, the password as ${secrets.NAME}")
	case u.Scheme == "file" && (u.Host != "" && u.Host != "localhost" || !path.IsAbs(u.Path)):
		return fault.WithHint(fmt.Errorf("%q names no file", raw), "write file:///and/an/absolute/path")
	case u.Scheme != "file" && u.Scheme != "http" && u.Scheme != "https":
		return fault.WithHint(fmt.Errorf("%q is not an address that can be fetched", RedactURL(raw)), "write https://, http:// or file:///")
	case u.Scheme != "file" && u.Host == "":
		return fmt.Errorf("%q names no host", RedactURL(raw))
	}
	return hostname.Check(u.Host)
}

// LocalPath returns the path of a file URL, "" for other URLs.
func LocalPath(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Scheme == "file" {
		return filepath.Clean(u.Path)
	}
	return ""
}

// MaxLocal is the largest size of a local list of checksums or signature.
const MaxLocal = 4 << 20
