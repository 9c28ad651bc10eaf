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
		{"a continued line", "kernel \\\n  --name k \\\r\n  http://h/x quiet\ninitrd y", "k=http://h/x y=y", ""},
		{"a word over two lines", "kernel http://h/a\\\ngent.kernel", "agent.kernel=http://h/agent.kernel", ""},
		{"a label with a command", ":boot kernel x\n  :more initrd y || goto boot", "x=x y=y", ""},
		{"a label that is continued", ":boot \\\nkernel x", "x=x", ""},
		{"a command after ;", "echo a ; kernel x ; initrd y", "x=x y=y", ""},
		{"no separator without spaces", "kernel x;initrd y", "x;initrd=x;initrd", ""},
		{"a comment behind a command", "kernel x # kernel z\ninitrd y #z", "x=x y=y", ""},
		{"a comment that seems to go on", "# a \\\nkernel x\nkernel y", "y=y", ""},
		{"other verbs", "imgselect x\nimgfetch y\nmodule z", "x=x y=y z=z", ""},
		{"fetched, then selected by name", "imgfetch --name k http://h/x\ninitrd y\nimgselect k a=b\nboot", "k=http://h/x y=y", ""},
		{"booted at once", "initrd y\nboot http://h/x a=b", "x=http://h/x y=y", ""},
		{"chained with arguments", "initrd y\nchain -a http://h/x a=b", "x=http://h/x y=y", ""},
		{"short options", "kernel -nk -t5 -q http://h/x\ninitrd -qa y", "k=http://h/x y=y", ""},
		{"the end of options", "kernel -- -x", "-x=-x", ""},
		{"a setting", "set base http://h/d\nkernel ${base}/x\ninitrd ${base:string}/y", "x=http://h/d/x y=http://h/d/y", ""},
		{"a setting in a setting", "set a h\nset url http://${a}\nset b a\nkernel ${url}/${${b}}", "h=http://h/h", ""},
		{"settings that are not certain", "isset ${base} || set base h\nset k a\nset k b\nset n:int32 5\nread r\nset r x\nkernel ${base}/${k}/${n}/${r}/${mac}", "${mac}=${base}/${k}/${n}/${r}/${mac}", ""},
		{"a setting that names itself", "set a ${a}x\nkernel b", "b=b", ""},
		{"menus", "menu Choose\nitem --key a agent The agent\nchoose target && goto ${target}\n:agent kernel x", "x=x", ""},
		{"a choice", "iseq ${platform} efi && kernel x || kernel z", "x=x z=z", ""},
		{"a form", "kernel http://h/boot.php##params\ninitrd http://h/r##params=other", "boot.php=http://h/boot.php r=http://h/r", ""},
		{"a query", "kernel http://h/k?arch=x86#top\ninitrd http://h/r?a/b", "k=http://h/k?arch=x86#top r=http://h/r?a/b", ""},
		{"a query in braces", "kernel http://h/${mac}?a", "${mac}=http://h/${mac}?a", ""},
		{"after exit", "exit\nkernel x\ninitrd y", "", ""},
		{"after exit on a line", "exit 0 ; kernel x", "", ""},
		{"after exit, at a label", "exit\nkernel x\n:go kernel z\ninitrd y", "z=z y=y", ""},
		{"an exit that another command decides on", "iseq ${a} b && exit ||\nkernel x || exit\ninitrd y", "x=x y=y", ""},
		{"after goto", "goto end\nkernel x\n:end\nkernel z", "z=z", ""},
		{"a goto that another command decides on", "kernel x || goto end\ninitrd y\n:end exit", "x=x y=y", ""},
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

// The command line is the one with which the kernel boots.
func TestKernelArgs(t *testing.T) {
	for name, tt := range map[string]struct{ lines, want string }{
		"on a continued line":    {"kernel x \\\n  url=a \\\n  quiet", "url=a quiet"},
		"cut within a word":      {"kernel x ur\\\nl=a", "url=a"},
		"by imgargs":             {"kernel x url=a\nimgargs x url=b", "url=b"},
		"by imgargs of a name":   {"imgfetch --name k http://h/x\nimgargs k url=b\nboot k", "url=b"},
		"by boot":                {"kernel --name k http://h/x url=a\nboot k url=b", "url=b"},
		"by a setting":           {"set cb http://h/c\nkernel x url=${cb}", "url=http://h/c"},
		"before a comment":       {"kernel x url=a #url=b", "url=a"},
		"not behind the command": {"kernel x url=a || echo url=b", "url=a"},
	} {
		s, err := ipxe.Parse(strings.NewReader("#!ipxe\n" + tt.lines + "\n"))
		if err != nil || len(s.Kernels) != 1 {
			t.Errorf("%s: got %+v, %v", name, s, err)
			continue
		}
		if got := strings.Join(s.Kernels[0].Args, " "); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
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
