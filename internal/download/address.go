package download

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"

	"github.com/bayplan/bayplan/internal/fault"
)

// CheckURL checks an address that files are fetched from: http, https or file, and
// without a user or password in it. An empty one is not set and passes.
func CheckURL(raw string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("the address cannot be read")
	case u.User != nil:
		err := fmt.Errorf("%s holds a user, and maybe a password", Shown(raw))
		return fault.WithHint(err, "give them under connections.hosts, the password as ${secrets.NAME}")
	case u.Scheme == "file" && (u.Host != "" && u.Host != "localhost" || !path.IsAbs(u.Path)):
		return fault.WithHint(fmt.Errorf("%q names no file", raw), "write file:///and/an/absolute/path")
	case u.Scheme != "file" && u.Scheme != "http" && u.Scheme != "https":
		return fault.WithHint(fmt.Errorf("%q is no address that can be fetched", Shown(raw)), "write https://, http:// or file:///")
	case u.Scheme != "file" && u.Host == "":
		return fmt.Errorf("%q names no host", Shown(raw))
	}
	return nil
}

// LocalPath gives the path that a file address names, "" for other addresses.
func LocalPath(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Scheme == "file" {
		return filepath.Clean(u.Path)
	}
	return ""
}

// MaxLocal is how many bytes are read of a list of checksums or a signature that
// lies on this host.
const MaxLocal = 4 << 20
