package listeners

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

// fakeProc writes tables of sockets and one process with a socket.
func fakeProc(t *testing.T, tcp, tcp6 string) string {
	t.Helper()
	proc := t.TempDir()
	for name, text := range map[string]string{"net/tcp": tcp, "net/tcp6": tcp6, "912/comm": "docker-registry\n"} {
		if text == "" {
			continue
		}
		file := filepath.Join(proc, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	fd := filepath.Join(proc, "912", "fd")
	if err := errors.Join(os.MkdirAll(fd, 0o755), os.Symlink("socket:[77]", filepath.Join(fd, "3"))); err != nil {
		t.Fatal(err)
	}
	return proc
}

func TestOn(t *testing.T) {
	row := func(addr, state, inode string) string {
		return "   0: " + addr + " 00000000:0000 " + state + " 00000000:00000000 00:00000000 00000000     0        0 " + inode + " 1 0 100 0 0 10 0\n"
	}
	tcp := head + row("0100007F:1388", "0A", "77") + row("0100007F:1388", "01", "78") + row("00000000:1F90", "0A", "79")
	tcp6 := head + row("00000000000000000000000000000000:1388", "0A", "80") + row("0000000000000000FFFF00000100007F:1F90", "0A", "81")
	for name, tt := range map[string]struct {
		port uint16
		want []string
	}{
		"two sockets, one of a known process": {5000, []string{"docker-registry (pid 912) on 127.0.0.1:5000", "a process of another user on [::]:5000"}},
		"others":                              {8080, []string{"a process of another user on 0.0.0.0:8080", "a process of another user on 127.0.0.1:8080"}},
		"none":                                {22, nil},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := On(fakeProc(t, tcp, tcp6), tt.port)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range found {
				got = append(got, l.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOnWithBadTables(t *testing.T) {
	if _, err := On(t.TempDir(), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without /proc: %v", err)
	}
	if found, err := On(fakeProc(t, head, ""), 1); err != nil || found != nil {
		t.Errorf("without IPv6: %v, %v", found, err)
	}
	if _, err := On(fakeProc(t, head+"0: xx:1388 0:0 0A 0:0 0:0 0 0 0 77\n", ""), 5000); err == nil {
		t.Error("an address that is none is read")
	}
}

func TestTakes(t *testing.T) {
	for at, want := range map[string]bool{"127.0.0.1:1": true, "0.0.0.0:1": true, "[::]:1": true, "192.0.2.1:1": false} {
		if got := (Listener{At: netip.MustParseAddrPort(at)}).Takes(netip.MustParseAddr("::ffff:127.0.0.1")); got != want {
			t.Errorf("%s: %v", at, got)
		}
	}
}
