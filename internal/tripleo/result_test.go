package tripleo_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/tripleo"
)

func TestFiles(t *testing.T) {
	insecure := func(host string) bool { return host != "docker.io" }
	images := []tripleo.Image{
		{Name: "docker.io/t/ironic-neutron-agent", Tag: "1", Params: []string{"DockerNeutronConfigImage"}},
		{Name: "docker.io/t/heat-base", Tag: "2"},
		{Name: "host:5000/t/neutron-server", Tag: "3", Params: []string{"DockerNeutronConfigImage", "DockerNeutronApiImage"}},
		{Name: "t/haproxy", Tag: "4", Params: []string{"DockerHAProxyImage"}},
	}
	push := func(to string, images []tripleo.Image) []tripleo.Image {
		pushed := slices.Clone(images)
		for i := range pushed {
			pushed[i].PushDestination = to
		}
		return pushed
	}
	tests := []struct {
		name        string
		result      tripleo.Result
		env, images string
	}{
		{
			"nothing",
			tripleo.Result{},
			"parameter_defaults: {}\n",
			"container_images: []\n",
		},
		{
			"nothing with a comment",
			tripleo.Result{Comment: []string{"one", "", "  two", ""}},
			"# one\n#\n#   two\n#\n\nparameter_defaults: {}\n",
			"container_images: []\n",
		},
		{
			"from the source: the later of two images has the parameter",
			tripleo.Result{Images: images, Insecure: insecure},
			"parameter_defaults:\n" +
				"  DockerHAProxyImage: t/haproxy:4\n" +
				"  DockerInsecureRegistryAddress:\n  - host:5000\n  - t\n" +
				"  DockerNeutronApiImage: host:5000/t/neutron-server:3\n" +
				"  DockerNeutronConfigImage: host:5000/t/neutron-server:3\n",
			"container_images:\n- imagename: docker.io/t/ironic-neutron-agent:1\n- imagename: docker.io/t/heat-base:2\n" +
				"- imagename: host:5000/t/neutron-server:3\n- imagename: t/haproxy:4\n",
		},
		{
			"pushed: what stands before the first slash is replaced, and only that host counts",
			tripleo.Result{Images: push("[::1]:8787/sub", images[2:]), Insecure: insecure},
			"parameter_defaults:\n" +
				"  DockerHAProxyImage: '[::1]:8787/sub/haproxy:4'\n" +
				"  DockerInsecureRegistryAddress:\n  - '[::1]:8787'\n" +
				"  DockerNeutronApiImage: '[::1]:8787/sub/t/neutron-server:3'\n" +
				"  DockerNeutronConfigImage: '[::1]:8787/sub/t/neutron-server:3'\n",
			"container_images:\n- imagename: host:5000/t/neutron-server:3\n  push_destination: '[::1]:8787/sub'\n" +
				"- imagename: t/haproxy:4\n  push_destination: '[::1]:8787/sub'\n",
		},
		{
			"a secure destination",
			tripleo.Result{Images: push("docker.io", images[:1]), Insecure: insecure},
			"parameter_defaults:\n  DockerNeutronConfigImage: docker.io/t/ironic-neutron-agent:1\n",
			"container_images:\n- imagename: docker.io/t/ironic-neutron-agent:1\n  push_destination: docker.io\n",
		},
		{
			"some pushed, and hosts that are listed whether they are met or not",
			tripleo.Result{Images: append(push("host:1", images[:1]), images[3]), AlwaysInsecure: []string{"z.example", "host:1", "a.example"}},
			"parameter_defaults:\n  DockerHAProxyImage: t/haproxy:4\n" +
				"  DockerInsecureRegistryAddress:\n  - a.example\n  - host:1\n  - z.example\n" +
				"  DockerNeutronConfigImage: host:1/t/ironic-neutron-agent:1\n",
			"container_images:\n- imagename: docker.io/t/ironic-neutron-agent:1\n  push_destination: host:1\n- imagename: t/haproxy:4\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.env, string(tt.result.EnvFile())); diff != "" {
				t.Errorf("environment file (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.images, string(tt.result.ImagesFile())); diff != "" {
				t.Errorf("images file (-want +got):\n%s", diff)
			}
		})
	}
}

// Hosts that YAML 1.1 does not read as text are quoted, as PyYAML quotes them.
func TestScalars(t *testing.T) {
	tests := []struct{ host, want string }{
		{"192.0.2.1:8787", "192.0.2.1:8787"},
		{"undercloud.ctlplane:8787", "undercloud.ctlplane:8787"},
		{"8787:22", "'8787:22'"},
		{"8787:99", "8787:99"},
		{"10", "'10'"},
		{"010", "'010'"},
		{"09", "09"},
		{"1.5", "'1.5'"},
		{"1_0", "'1_0'"},
		{"2018-07-09", "'2018-07-09'"},
		{"on", "'on'"},
		{"Off", "'Off'"},
		{"oN", "oN"},
		{"null", "'null'"},
		{"~", "'~'"},
		{"-", "'-'"},
		{"-x", "-x"},
		{"host:", "'host:'"},
		{"---", "'---'"},
		{"...x", "'...x'"},
		{"[::1]:5000", "'[::1]:5000'"},
		{"it's", "it's"},
		{"'x", "'''x'"},
		{"a b", "a b"},
		{"a: b", "'a: b'"},
		{"a #b", "'a #b'"},
		{"a#b", "a#b"},
		{" a", "' a'"},
		{"- a", "'- a'"},
		{"? a", "'? a'"},
		{"a\nb\t\"", `"a\nb\t\""`},
		{"<<", "'<<'"},
		{"=", "'='"},
		{".inf", "'.inf'"},
	}
	for _, tt := range tests {
		t.Run(tt.host, func(t *testing.T) {
			r := tripleo.Result{Images: []tripleo.Image{{Name: "a/b", Tag: "c", PushDestination: tt.host}}}
			want := "container_images:\n- imagename: a/b:c\n  push_destination: " + tt.want + "\n"
			if diff := cmp.Diff(want, string(r.ImagesFile())); diff != "" {
				t.Errorf("images file (-want +got):\n%s", diff)
			}
		})
	}
}
