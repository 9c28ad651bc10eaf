package listeners

import (
	"net"
	"os"
	"testing"
)

// The kernel's own tables are read, too.
func TestOnOfThisHost(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := l.Addr().(*net.TCPAddr).AddrPort()
	found, err := On("/proc", at.Port())
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	if got := found[0]; got.At != at || got.PID != os.Getpid() || got.Command == "" {
		t.Errorf("got %+v, want this process at %s", got, at)
	}
}
