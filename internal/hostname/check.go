package hostname

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/fault"
)

// Check gives an error for a text that is not a host or host:port of a server. All
// settings and addresses that name a server are checked by it, so that none of them
// passes where another one fails. An empty text passes.
func Check(host string) error {
	name, port := split(host)
	switch {
	case host == "":
		return nil
	case strings.Contains(host, "://"):
		return fmt.Errorf("%q holds a scheme; write the host alone", host)
	case strings.ContainsAny(host, "/@ "), strings.Contains(host, "[") != strings.Contains(host, "]"):
		return fmt.Errorf("%q is not a host or host:port", host)
	case port != "" && !isPort(port):
		return fmt.Errorf("%q: the port is not a number from 1 to 65535", host)
	}
	if err := checkName(name); err != nil {
		return fmt.Errorf("%q is not the name of a host: %w", host, err)
	}
	return nil
}

// CheckAddress gives an error for a text that is not a host:port. An empty text passes.
func CheckAddress(address string) error {
	if _, port := split(address); address != "" && port == "" && !strings.Contains(address, "://") {
		return fmt.Errorf("%q is not host:port", address)
	}
	return Check(address)
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// checkName checks the name of a host without a port, or its IP address without brackets.
func checkName(name string) error {
	if _, err := netip.ParseAddr(name); err == nil {
		return nil
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r > 127 }) {
		hint := "write the form that DNS has, which begins with xn--"
		if form := toASCII(name); form != "" {
			hint = "write the form that DNS has: " + form
		}
		return fault.WithHint(errors.New("it has letters that are not ASCII"), hint)
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if err := checkLabel(label); err != nil {
			return err
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return errors.New("it is no IP address, and no name ends in a number")
	}
	if len(name) > 253 {
		return errors.New("it is longer than 253 characters")
	}
	return nil
}

// checkLabel checks a part of a name between dots. DNS has underscores in no name of a
// host, but there are such names in files of hosts.
func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("a part between dots is empty")
	case len(label) > 63:
		return errors.New("a part between dots is longer than 63 characters")
	case strings.HasPrefix(label, "-"), strings.HasSuffix(label, "-"):
		return fmt.Errorf("%q begins or ends with a hyphen", label)
	}
	for _, c := range label {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return fmt.Errorf("%q is in no name of a host", c)
		}
	}
	return nil
}
