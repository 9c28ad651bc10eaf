package doctor

import (
	"context"
	"net"
	"net/netip"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/listeners"
)

// port says who listens on the port of a server that is on this host, and nothing for other
// servers, or where the system does not tell.
func (d *doctor) port(ctx context.Context, s *server) *Finding {
	if d.proxyFor(s) != nil {
		return nil
	}
	addrs, port := s.addresses(ctx)
	at, local := localOf(addrs)
	if !local {
		return nil
	}
	all, err := listeners.On(d.Proc, port)
	if err != nil {
		return nil // no Linux
	}
	var takes []string
	for _, l := range all {
		if l.Takes(at) {
			takes = append(takes, l.String())
		}
	}
	found := ok("port", "on this host: %s", human.Some(takes, 3))
	if len(takes) == 0 {
		found = fail("port", "start its service, or correct host or address of its connection", "it is this host, and nothing listens on %s", netip.AddrPortFrom(at, port))
		if len(all) > 0 {
			found.Message += "; " + all[0].String() + " does"
		}
	}
	return &found
}

// localOf gives the first of some addresses that is this host's.
func localOf(addrs []netip.Addr) (netip.Addr, bool) {
	own, err := net.InterfaceAddrs()
	if err != nil {
		own = nil // loopback is known without it
	}
	for _, a := range addrs {
		a = a.Unmap()
		if a.IsLoopback() {
			return a, true
		}
		for _, o := range own {
			if n, ok := o.(*net.IPNet); ok && n.IP.Equal(net.IP(a.AsSlice())) {
				return a, true
			}
		}
	}
	return netip.Addr{}, false
}
