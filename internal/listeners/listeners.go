// Package listeners says which processes of this host wait for connections on a TCP port,
// by what Linux shows under /proc (proc(5): net/tcp, net/tcp6, PID/fd, PID/comm). It sends
// nothing to a port.
package listeners

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A Listener is a socket that waits for connections.
type Listener struct {
	At      netip.AddrPort
	PID     int    // of a process that has it open; 0: not known, as for those of other users
	Command string // the name of that process

	inode string
}

// String names the process and the address, such as "docker-registry (pid 912) on 0.0.0.0:5000".
func (l Listener) String() string {
	if l.PID == 0 {
		return fmt.Sprintf("a process of another user on %s", l.At)
	}
	return fmt.Sprintf("%s (pid %d) on %s", l.Command, l.PID, l.At)
}

// Takes reports whether connections to an address come to the listener.
func (l Listener) Takes(a netip.Addr) bool {
	return l.At.Addr() == a.Unmap() || l.At.Addr().IsUnspecified()
}

// On gives the listeners on a port. proc is where /proc is. An error is fs.ErrNotExist on a
// system that has none.
func On(proc string, port uint16) ([]Listener, error) {
	var found []Listener
	v4, err := socketsIn(filepath.Join(proc, "net", "tcp"), port)
	if err != nil {
		return nil, err
	}
	v6, err := socketsIn(filepath.Join(proc, "net", "tcp6"), port)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a kernel without IPv6 has no such file
		return nil, err
	}
	found = append(v4, v6...)
	if len(found) > 0 {
		findOwners(proc, found)
	}
	return found, nil
}

// listening is the state of a socket that waits for connections.
const listening = "0A"

// socketsIn reads a table of sockets. Its columns are sl, local_address, rem_address, st,
// tx_queue:rx_queue, tr:tm->when, retrnsmt, uid, timeout and inode.
func socketsIn(table string, port uint16) ([]Listener, error) {
	text, err := os.ReadFile(table)
	if err != nil {
		return nil, err
	}
	var found []Listener
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		columns := strings.Fields(lines.Text())
		if len(columns) < 10 || columns[3] != listening {
			continue
		}
		at, err := parseAddress(columns[1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", table, err)
		}
		if at.Port() == port {
			found = append(found, Listener{At: at, inode: columns[9]})
		}
	}
	return found, nil
}

// parseAddress reads an address such as 0100007F:1388. The kernel writes each four bytes of
// it as one number of the machine.
func parseAddress(text string) (netip.AddrPort, error) {
	host, portText, _ := strings.Cut(text, ":")
	port, err := strconv.ParseUint(portText, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	raw, err := hex.DecodeString(host)
	if err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address", text)
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	addr, ok := netip.AddrFromSlice(raw)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address", text)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), nil
}

// findOwners names the processes that have the sockets open, as far as this user may see.
func findOwners(proc string, found []Listener) {
	at := map[string]int{}
	for i, l := range found {
		at["socket:["+l.inode+"]"] = i
	}
	links, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*")) // the pattern is right
	for _, link := range links {
		to, err := os.Readlink(link)
		i, ok := at[to]
		if err != nil || !ok || found[i].PID != 0 {
			continue
		}
		dir := filepath.Dir(filepath.Dir(link))
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		name, _ := os.ReadFile(filepath.Join(dir, "comm")) // the process may have ended
		found[i].PID, found[i].Command = pid, strings.TrimSpace(string(name))
	}
}
