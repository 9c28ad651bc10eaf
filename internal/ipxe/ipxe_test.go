package ipxe_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/ipxe"
)

// inspector is what a director's /httpboot/inspector.ipxe looks like.
const inspector = `#!ipxe

:retry_boot
imgfree
kernel --timeout 60000 http://192.0.2.1:8088/agent.kernel ipa-inspection-callback-url=http://192.0.2.1:5050/v1/continue ipa-inspection-collectors=default,logs BOOTIF=${mac} initrd=agent.ramdisk || goto retry_boot
initrd --timeout 60000 http://192.0.2.1:8088/agent.ramdisk || goto retry_boot
boot
`

func TestParse(t *testing.T) {
	s, err := ipxe.Parse(strings.NewReader(inspector))
	if err != nil {
		t.Fatal(err)
	}
	want := &ipxe.Script{
		Kernels: []ipxe.Kernel{{
			File: ipxe.File{URI: "http://192.0.2.1:8088/agent.kernel", Name: "agent.kernel", Line: 5},
			Args: []string{
				"ipa-inspection-callback-url=http://192.0.2.1:5050/v1/continue",
				"ipa-inspection-collectors=default,logs", "BOOTIF=${mac}", "initrd=agent.ramdisk",
			},
		}},
		Initrds: []ipxe.File{{URI: "http://192.0.2.1:8088/agent.ramdisk", Name: "agent.ramdisk", Line: 6}},
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseLines(t *testing.T) {
	tests := []struct {
		name, lines string
		want        string // kernels, then initrds: NAME=URI ...
		err         string
	}{
		{"a relative name", "kernel agent.kernel\ninitrd a/b.img", "agent.kernel=agent.kernel b.img=a/b.img", ""},
		{"named", "kernel --name k http://h/x\ninitrd -n r http://h/y", "k=http://h/x r=http://h/y", ""},
		{"named with =", "kernel --name=k --timeout=5 http://h/x", "k=http://h/x", ""},
		{"an option without a value", "kernel --autofree x quiet", "x=x", ""},
		{"after &&", "ifopen && kernel x && initrd y", "x=x y=y", ""},
		{"a comment", "# kernel x", "", ""},
		{"a carriage return", "kernel x\r\ninitrd y\r", "x=x y=y", ""},
		{"others", "chain http://h/x\nset a b\ngoto c", "", ""},
		{"no file", "kernel --timeout 5 || goto x", "", "line 2: kernel names no file"},
		{"no ramdisk file", "initrd", "", "line 2: initrd names no file"},
		{"only separators", "|| && ||", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := ipxe.Parse(strings.NewReader("#!ipxe\n" + tt.lines))
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("error = %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, k := range s.Kernels {
				got = append(got, k.Name+"="+k.URI)
			}
			for _, f := range s.Initrds {
				got = append(got, f.Name+"="+f.URI)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "another shebang": "#!/bin/sh\nkernel x", "HTML": "<html>", "a shebang further down": "\n#!ipxe\n",
		"more than a script can have": "#!ipxe\n" + strings.Repeat("#\n", ipxe.MaxSize/2),
	} {
		if s, err := ipxe.Parse(strings.NewReader(text)); err == nil {
			t.Errorf("%s: got %+v", name, s)
		}
	}
}

func TestArg(t *testing.T) {
	k := ipxe.Kernel{Args: []string{"quiet", "url=a", "url=b", "empty="}}
	for name, want := range map[string]string{"url": "b", "empty": ""} {
		if got, ok := k.Arg(name); got != want || !ok {
			t.Errorf("%s: got %q, %v", name, got, ok)
		}
	}
	if got, ok := k.Arg("quiet"); ok {
		t.Errorf("quiet: got %q", got)
	}
}
