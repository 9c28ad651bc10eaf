package verifyhttpboot

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// bootScript gives a script like a director's inspector.ipxe, with the files at this
// URL.
func bootScript(at string) string {
	return `#!ipxe

:retry_boot
imgfree
kernel --timeout 60000 ` + at + `/agent.kernel ipa-inspection-callback-url=http://192.0.2.1:5050/v1/continue BOOTIF=${mac} initrd=agent.ramdisk || goto retry_boot
initrd --timeout 60000 ` + at + `/agent.ramdisk || goto retry_boot
boot
`
}

// bootServed gives a boot directory without mistakes, served at the URL.
func bootServed(t *testing.T) (base, at string) {
	t.Helper()
	base = testbed.AgentFiles(t)
	server := httptest.NewServer(http.FileServer(http.Dir(base + "/httpboot")))
	t.Cleanup(server.Close)
	fillBoot(t, base, server.URL)
	return base, server.URL
}

func fillBoot(t *testing.T, base, at string) {
	t.Helper()
	steptest.PutFile(t, base+"/httpboot/agent.kernel", steptest.ReadFile(t, base+"/images/ipa.kernel"))
	steptest.PutFile(t, base+"/httpboot/agent.ramdisk", steptest.ReadFile(t, base+"/images/ipa.initramfs"))
	steptest.PutFile(t, base+"/httpboot/inspector.ipxe", bootScript(at))
}

func bootVerified(t *testing.T, base, at string) *verifyHTTPBoot {
	t.Helper()
	return &verifyHTTPBoot{
		out: testbed.WithHosts(t),
		Dir: plan.Path(base + "/httpboot"), Script: new("inspector.ipxe"), URL: at,
		Files: []testbed.ToPlace{
			testbed.PlacedAs(base+"/images/ipa.kernel", "agent.kernel"), testbed.PlacedAs(base+"/images/ipa.initramfs", "agent.ramdisk"),
		},
	}
}

func TestVerifyHTTPBootLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type(nil), Fresh: func(t *testing.T) *steptest.Fixture {
		base := testbed.AgentFiles(t)
		server := httptest.NewServer(http.FileServer(http.Dir(base + "/httpboot")))
		t.Cleanup(server.Close)
		return &steptest.Fixture{
			New:     func() runner.Step { return bootVerified(t, base, server.URL) },
			Satisfy: func(t *testing.T) { fillBoot(t, base, server.URL) },
			Dirs:    []string{base},
			Break: []steptest.Break{
				{Name: "the kernel goes away", Do: func(t *testing.T) { steptest.Remove(t, base+"/httpboot/agent.kernel") }},
				{Name: "the ramdisk changes", Do: func(t *testing.T) { steptest.PutFile(t, base+"/httpboot/agent.ramdisk", "x") }},
				{Name: "the script goes away", Do: func(t *testing.T) { steptest.Remove(t, base+"/httpboot/inspector.ipxe") }},
				{Name: "the server stops", Do: func(*testing.T) { server.Close() }},
			},
		}
	}})
}

func TestVerifyHTTPBoot(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, base string, v *verifyHTTPBoot)
		want   string // of the error, "" for none
	}{
		{"all is well", nil, ""},
		{"files alone", func(_ *testing.T, _ string, v *verifyHTTPBoot) { v.Script = nil }, ""},
		{"nothing to check", func(_ *testing.T, _ string, v *verifyHTTPBoot) { v.Script, v.Files = nil, nil }, "names anything to check"},
		{"a kernel of other bytes", func(t *testing.T, base string, _ *verifyHTTPBoot) {
			steptest.PutFile(t, base+"/httpboot/agent.kernel", "kernel")
		}, "agent.kernel: its content differs from "},
		{"a ramdisk that nobody may read", func(t *testing.T, base string, _ *verifyHTTPBoot) {
			steptest.Must(t, os.Chmod(base+"/httpboot/agent.ramdisk", 0o600))
		}, "not everybody can read it"},
		{"a script that is none", script("hello"), "is not a boot script: its first line is not #!ipxe"},
		{"a script that loads nothing", script("#!ipxe\nboot\n"), "inspector.ipxe loads no kernel"},
		{"no ramdisk", script("#!ipxe\nkernel agent.kernel ipa-api-url=http://h:6385\n"), "inspector.ipxe loads no ramdisk"},
		{"names below the directory", script("#!ipxe\nkernel agent.kernel ipa-api-url=http://h:6385\ninitrd agent.ramdisk\n"), ""},
		{"a server that only the machine knows", script("#!ipxe\nkernel http://${next-server}/agent.kernel ipa-api-url=http://h\ninitrd /agent.ramdisk\n"), ""},
		{"a file that only the machine knows", script("#!ipxe\nkernel ${arch}/agent.kernel ipa-api-url=http://h\ninitrd agent.ramdisk\n"), "line 2: the file ${arch}/agent.kernel cannot be checked"},
		{"a kernel that is not there", script("#!ipxe\nkernel other.kernel ipa-api-url=http://h\ninitrd agent.ramdisk\n"), "line 2: it loads other.kernel: "},
		{"a way out of the directory", script("#!ipxe\nkernel ../images/ipa.kernel ipa-api-url=http://h\ninitrd agent.ramdisk\n"), "httpboot/images/ipa.kernel"},
		{"no call back", script("#!ipxe\nkernel agent.kernel quiet\ninitrd agent.ramdisk\n"), "neither ipa-inspection-callback-url nor ipa-api-url"},
		{"a wrong call back on a continued line", script("#!ipxe\n:retry kernel agent.kernel \\\n  ipa-inspection-callback-url=192.0.2.1:5050\ninitrd agent.ramdisk\n"), "is not an http or https URL"},
		{"a wrong call back by imgargs", script("#!ipxe\nkernel agent.kernel ipa-api-url=http://h\ninitrd agent.ramdisk\nimgargs agent.kernel ipa-api-url=h\n"), "is not an http or https URL"},
		{"a wrong call back in a setting", script("#!ipxe\nset cb h:5050\nkernel agent.kernel ipa-api-url=${cb}\ninitrd agent.ramdisk\n"), "is not an http or https URL"},
		{"a call back that is not a URL", script("#!ipxe\nkernel agent.kernel ipa-inspection-callback-url=192.0.2.1:5050\ninitrd agent.ramdisk\n"), "is not an http or https URL"},
		{"all ramdisks under UEFI", script("#!ipxe\nkernel agent.kernel ipa-api-url=http://h initrd=initrd.magic\ninitrd agent.ramdisk\n"), ""},
		{"the first of two ramdisks is not loaded", script("#!ipxe\nkernel agent.kernel ipa-api-url=http://h initrd=other.ramdisk initrd=agent.ramdisk\ninitrd agent.ramdisk\n"), "names the ramdisk other.ramdisk"},
		{"a ramdisk that is told and not loaded", script("#!ipxe\nkernel agent.kernel ipa-api-url=http://h initrd=other.ramdisk\ninitrd agent.ramdisk\n"), "names the ramdisk other.ramdisk"},
		{"an empty kernel", func(t *testing.T, base string, v *verifyHTTPBoot) {
			v.Files = nil
			steptest.PutFile(t, base+"/httpboot/agent.kernel", "")
		}, "agent.kernel is empty"},
		{"a server without the files", func(t *testing.T, _ string, v *verifyHTTPBoot) {
			v.URL = serve(t, http.NotFoundHandler())
		}, "inspector.ipxe: the server answers 404"},
		{"a server with another script", func(t *testing.T, _ string, v *verifyHTTPBoot) {
			v.URL = serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("#!ipxe\n")) }))
		}, "serves other bytes than "},
		{"a directory below the server's root", func(t *testing.T, base string, v *verifyHTTPBoot) {
			v.URL = serve(t, http.StripPrefix("/boot", http.FileServer(http.Dir(base+"/httpboot")))) + "/boot/"
			steptest.PutFile(t, base+"/httpboot/inspector.ipxe", bootScript(strings.TrimRight(v.URL, "/")))
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			base, at := bootServed(t)
			v := bootVerified(t, base, at)
			if tt.change != nil {
				tt.change(t, base, v)
			}
			f, err := v.Diff(t.Context(), &runner.Disk{}, nil)
			switch {
			case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error = %v, want %q", err, tt.want)
			case err == nil && f.Change != nil:
				t.Errorf("a check with a change: %+v", f.Change)
			}
		})
	}
}

// The error about a missing file says in plain words what to do.
func TestVerifyHTTPBootTellsWhatIsMissing(t *testing.T) {
	const fetching = "fetching as a machine would: "
	tests := map[string]struct {
		change    func(t *testing.T, base string, v *verifyHTTPBoot)
		err, hint string // with DIR and URL
	}{
		"the script": {
			func(t *testing.T, base string, _ *verifyHTTPBoot) {
				steptest.Remove(t, base+"/httpboot/inspector.ipxe")
			},
			"there is no file DIR/httpboot/inspector.ipxe", "put the boot script there, or correct its name under script",
		},
		"the kernel": {
			func(t *testing.T, base string, v *verifyHTTPBoot) {
				v.Files = nil
				steptest.Remove(t, base+"/httpboot/agent.kernel")
			},
			"DIR/httpboot/inspector.ipxe, line 5: it loads URL/agent.kernel: there is no file DIR/httpboot/agent.kernel",
			"put it there, with a place step for example, or correct the script",
		},
		"a file to place, of those that are served": {
			func(t *testing.T, base string, v *verifyHTTPBoot) {
				v.Script = nil
				steptest.Remove(t, base+"/httpboot/agent.kernel")
			},
			"DIR/httpboot/agent.kernel: it is not there", "",
		},
		"what a file is a copy of": {
			func(t *testing.T, base string, v *verifyHTTPBoot) {
				v.Script, v.URL = nil, ""
				steptest.Remove(t, base+"/images/ipa.kernel")
			},
			"there is no file DIR/images/ipa.kernel", "put it there, or correct the path under files",
		},
		"a file at the server": {
			func(t *testing.T, base string, v *verifyHTTPBoot) {
				files := http.FileServer(http.Dir(base + "/httpboot"))
				at := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/agent.ramdisk" {
						http.NotFound(w, r)
						return
					}
					files.ServeHTTP(w, r)
				}))
				v.URL = at
				steptest.PutFile(t, base+"/httpboot/inspector.ipxe", bootScript(at))
			},
			fetching + "URL/agent.ramdisk: the server answers 404 Not Found",
			"the file is missing on the boot server: does it serve another directory than DIR/httpboot?",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			base, at := bootServed(t)
			v := bootVerified(t, base, at)
			tt.change(t, base, v)
			if v.URL != "" {
				at = v.URL
			}
			fill := strings.NewReplacer("DIR", base, "URL", at).Replace
			_, err := v.Verify(t.Context(), &runner.Disk{})
			if err == nil || err.Error() != fill(tt.err) || fault.Hint(err) != fill(tt.hint) {
				t.Errorf("got %v (hint %q), want %q (%q)", err, fault.Hint(err), fill(tt.err), fill(tt.hint))
			}
		})
	}
}

// script puts another boot script into the directory.
func script(text string) func(*testing.T, string, *verifyHTTPBoot) {
	return func(t *testing.T, base string, _ *verifyHTTPBoot) {
		t.Helper()
		steptest.PutFile(t, base+"/httpboot/inspector.ipxe", text)
	}
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func TestVerifyHTTPBootOutputs(t *testing.T) {
	base, at := bootServed(t)
	got, err := bootVerified(t, base, at).Verify(t.Context(), &runner.Disk{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{base + "/httpboot/agent.kernel", base + "/httpboot/agent.ramdisk", base + "/httpboot/inspector.ipxe"}
	if diff := cmp.Diff(want, got["files"].Items()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if got := got["callback_url"].String(); got != "http://192.0.2.1:5050/v1/continue" {
		t.Errorf("callback_url = %q", got)
	}
}

func TestVerifyHTTPBootValidate(t *testing.T) {
	tests := []struct {
		name string
		step verifyHTTPBoot
		want string // "" for none
	}{
		{"nothing known yet", verifyHTTPBoot{Files: []testbed.ToPlace{{}}}, ""},
		{"nothing to check", verifyHTTPBoot{Dir: "/httpboot", Files: []testbed.ToPlace{}}, "neither files nor script names anything to check"},
		{"a script that is not known yet", verifyHTTPBoot{Dir: "/httpboot", Files: []testbed.ToPlace{}, Script: new("")}, ""},
		{"fine", verifyHTTPBoot{Script: new("inspector.ipxe"), URL: "http://[2001:db8::1]:8088/boot"}, ""},
		{"a script elsewhere", verifyHTTPBoot{Script: new("../x")}, "not a plain file name"},
		{"a file elsewhere", verifyHTTPBoot{Files: []testbed.ToPlace{testbed.PlacedAs("/x", "a/b")}}, "not a plain file name"},
		{"a host alone", verifyHTTPBoot{URL: "192.0.2.1:8088"}, "not an http or https URL"},
		{"another scheme", verifyHTTPBoot{URL: "tftp://192.0.2.1/"}, "not an http or https URL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.step.Validate()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
		})
	}
}
