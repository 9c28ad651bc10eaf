package doctor

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/runner/steptest"
)

func TestVersions(t *testing.T) {
	const text = "steps: { d: { type: mkdir, with: { paths: [out] } } }\n"
	got := newBench(t).examine(t, text, "this host", "version")
	if len(got) != 2 || !strings.HasPrefix(got[0], "ok: bayplan v0, go") || !strings.HasPrefix(got[1], "ok: git version ") {
		t.Errorf("got %q", got)
	}
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	has(t, newBench(t).examine(t, text, "this host", "version")[1:], "warn: git is not found; install git")
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte("#!/bin/sh\necho \"git sees '$OS_PASSWORD'\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OS_PASSWORD", "secret-word")
	has(t, newBench(t).examine(t, text, "this host", "version")[1:], "ok: git sees ''")
}

func TestProxies(t *testing.T) {
	for name, tt := range map[string]struct {
		env  []string
		want []string
	}{
		"none": {nil, nil},
		"one, with a login": {
			[]string{"HTTPS_PROXY=http://u:secret-word@proxy.example:3128", "NO_PROXY=192.0.2.1,.example.com"},
			[]string{"ok: HTTPS_PROXY=http://proxy.example:3128, with a login; ", "ok: NO_PROXY=192.0.2.1,.example.com; "},
		},
		"no scheme": {[]string{"http_proxy=proxy.example:3128"}, []string{"ok: http_proxy=http://proxy.example:3128; "}},
		"no proxy":  {[]string{"HTTPS_PROXY=ftp://x:secret-word@y"}, []string{"fail: HTTPS_PROXY is not an address of a proxy; write it as http://HOST:PORT"}},
		"two that differ": {
			[]string{"HTTP_PROXY=http://a:1", "http_proxy=http://b:1"},
			[]string{"warn: HTTP_PROXY and http_proxy differ, and bayplan takes HTTP_PROXY; let both have the same value: other programs may read the other one", "ok: HTTP_PROXY=http://a:1; "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoctor(newBench(t).open(t, "steps: { d: { type: mkdir, with: { paths: [out] } } }\n"))
			d.Environ = tt.env
			report := newReport([]Subject{{"this host", d.proxies()}})
			if diff := cmp.Diff(tt.want, (&bench{dir: "/nowhere"}).lines(report, "", "proxy")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A server in a private network that is asked through a proxy, one of a public network, and
// one whose proxy does not answer.
func TestProxyOfServer(t *testing.T) {
	for host, want := range map[string]string{
		"192.168.7.7:5000": "warn: asked through the proxy 127.0.0.1:1, though it is in a private network; add 192.168.7.7 to NO_PROXY",
		"192.0.2.7:5000":   "ok: asked through the proxy 127.0.0.1:1",
	} {
		b := newBench(t)
		b.options.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse("http://127.0.0.1:1") }
		text := copying(serve(t, sourceRegistry(t)), host)
		d := newDoctor(b.open(t, text))
		for _, s := range d.servers() {
			if s.Name == "to" {
				report := newReport([]Subject{{"", d.proxyOf(t.Context(), s)}})
				has(t, b.lines(report, "", "proxy"), want)
				if hint := d.unreachedHint(s, errors.New("refused")); !strings.Contains(hint, "NO_PROXY=") {
					t.Errorf("hint %q", hint)
				}
			}
		}
	}
}

func TestFiles(t *testing.T) {
	const text = `steps:
  get: { type: untar, with: { archive: a.tar, into: out } }
  of: { type: untar, needs: [get], with: { archive: out/b.tar, into: out2 } }
`
	b := newBench(t)
	has(t, b.examine(t, text, "disks", "read"), "fail: DIR/a.tar, which step get reads, is not there; put it there")
	b.write(t, "a.tar", "x")
	has(t, b.examine(t, text, "disks", "read"), "ok: 1 file of the plan can be read; ")
	if err := os.Chmod(filepath.Join(b.dir, "a.tar"), 0); err != nil {
		t.Fatal(err)
	}
	d := newDoctor(b.open(t, text))
	steptest.AsNobody(t, func() {
		report := newReport([]Subject{{"disks", d.missing()}})
		has(t, b.lines(report, "disks", "read"), "fail: step get: ", "permission denied; give the user that runs bayplan the right to read it")
	})
}

func TestWrites(t *testing.T) {
	const text = "steps: { d: { type: mkdir, with: { paths: [file/a] } } }\n"
	b := newBench(t)
	b.write(t, "file", "")
	has(t, b.examine(t, text, "disks", "write"), "fail: DIR/file/a: DIR/file is not a directory; remove the file, or correct the path")
	for err, want := range map[syscall.Errno]string{
		syscall.EACCES: "run as a user who may write there",
		syscall.EROFS:  "mount it to be written",
	} {
		d := newDoctor(b.open(t, strings.ReplaceAll(text, "file/a", "there/a")))
		d.access = func(string, uint32) error { return err }
		report := newReport([]Subject{{"disks", d.disks(t.Context())}})
		got := b.lines(report, "disks", "write")
		if len(got) != 2 { // the state, too
			t.Errorf("got %q", got)
		}
		has(t, got[1:], fmt.Sprintf("fail: DIR/there/a cannot be written: %v on DIR; %s", err, want))
	}
}

func TestRoom(t *testing.T) {
	v := &volume{paths: []string{"/a", "/b", "/c"}, needs: 7 << 30}
	for name, tt := range map[string]struct {
		got  Finding
		want string
	}{
		"enough":             {v.space(9 << 30), "ok: 9.0 GiB free for /a, /b and 1 more; "},
		"less than archives": {v.space(6 << 30), "warn: 6.0 GiB free for /a, /b and 1 more, and what is read for them has 7.0 GiB; make room"},
		"little":             {(&volume{paths: []string{"/a"}}).space(4 << 30), "warn: 4.0 GiB free for /a; make room"},
		"none":               {v.space(1 << 20), "fail: 1.0 MiB free"},
		"many inodes":        {v.inodes(1 << 20), "ok: 1048576 files can be made"},
		"few inodes":         {v.inodes(5000), "warn: 5000 files can be made for /a, /b and 1 more; remove files"},
		"no inodes":          {v.inodes(5), "fail: 5 files can be made"},
	} {
		t.Run(name, func(t *testing.T) {
			has(t, []string{fmt.Sprintf("%s: %s; %s", tt.got.Status, tt.got.Message, tt.got.Hint)}, tt.want)
		})
	}
}

// What an archive has needs room where it is unpacked.
func TestNeeds(t *testing.T) {
	b := newBench(t)
	b.write(t, "a.tar", "0123456789")
	d := newDoctor(b.open(t, "steps: { get: { type: untar, with: { archive: a.tar, into: out } } }\n"))
	for _, target := range d.targets() {
		if filepath.Base(target.path) == "out" && target.needs != 10 {
			t.Errorf("needs %d bytes, want 10", target.needs)
		}
	}
}
