package rehearse

import (
	"strings"
	"testing"
)

// putBoot is a plan that puts boot files somewhere.
func putBoot(to string) string {
	return `steps:
  boot:
    type: artifact
    with: { files: [/srv/agent.kernel, /srv/agent.initramfs], name: "boot/agent:1", to: ` + to + ` }
`
}

// fetchKernel is a step that fetches one of them.
func fetchKernel(address, title string) string {
	return `  kernel:
    type: fetch
    with: { url: "` + address + `", name: ` + title + `, to: /srv/got.kernel }
`
}

var digestOfNothing = strings.Repeat("a", 64)

// What plans put into registries and layouts is fetched from there, and what none puts there is
// made: of the kind that later steps expect.
func TestArtifactsAreFetched(t *testing.T) {
	const upload = `  upload:
    type: glance-upload
    with:
      cloud: mine
      images: [{ name: server, file: "${steps.disk.path}", disk_format: qcow2 }]
`
	const clouds = planHead + "connections: { clouds: { mine: { cloud: mine } } }\n"
	for name, tt := range map[string]trial{
		"from a registry that nobody fills": {
			files: map[string]string{"bayplan.yaml": clouds + `steps:
  disk:
    type: fetch
    with: { url: "oci://quay.io/images/server:1", to: /srv/server }
` + upload},
			want: []string{"oci://quay.io/images/server:1", "nothing is wrong"},
		},
		"by a digest": {
			files: map[string]string{"bayplan.yaml": clouds + `steps:
  disk:
    type: fetch
    with: { url: "oci://quay.io/images/server@sha256:` + digestOfNothing + `", sha256: ` + digestOfNothing + `, to: /srv/server.qcow2 }
` + upload},
			want: []string{"url: another artifact stands in", "sha256: another file stands in", "nothing is wrong"},
		},
		"two files of one artifact": {
			files: map[string]string{"bayplan.yaml": `steps:
  kernel:
    type: fetch
    with: { url: "oci://quay.io/boot/agent:1", name: agent.kernel, to: /srv/kernel }
  ramdisk:
    type: fetch
    with: { url: "oci://quay.io/boot/agent:1", name: agent.initramfs, to: /srv/ramdisk }
`},
		},
		"from a layout that nobody makes": {
			files: map[string]string{"bayplan.yaml": clouds + `steps:
  disk:
    type: fetch
    with: { url: "oci:/media/x.tar:images/server:1", name: server.qcow2, to: /srv/server }
` + upload},
		},
		"from a layout that a key has to prove": {
			files: map[string]string{"bayplan.yaml": `steps:
  kernel:
    type: fetch
    with: { url: "oci:/media/x.tar:boot/agent:1", key: /etc/site.pub, to: /srv/agent.kernel }
`},
		},
		"from the layout of an earlier plan": {
			files: map[string]string{
				"outside.yaml": putBoot("{ layout: /var/media.tar }"),
				"inside.yaml":  "steps:\n" + fetchKernel("oci:/media/usb/media.tar:boot/agent:1", "agent.kernel"),
			},
			plans: []string{"outside.yaml", "inside.yaml"},
			not:   "stands in for oci:",
		},
		"from the layout of an earlier step": {
			files: map[string]string{"bayplan.yaml": putBoot("{ layout: /var/media.tar }") + fetchKernel("oci:/var/media.tar:boot/agent:1", "agent.kernel") + "    needs: [boot]\n"},
		},
		"from the registry of an earlier step": {
			files: map[string]string{"bayplan.yaml": putBoot("registry.example:5000") + fetchKernel("oci://registry.example:5000/boot/agent:1", "agent.kernel") + "    needs: [boot]\n"},
		},
		"a tag that nobody pushes": {
			files: map[string]string{"bayplan.yaml": putBoot("registry.example:5000") + fetchKernel("oci://registry.example:5000/boot/agent:2", "agent.kernel") + "    needs: [boot]\n"},
			want:  []string{"no step before pushes registry.example:5000/boot/agent:2; the plans push 1"},
		},
		"a title that it does not have": {
			files: map[string]string{"bayplan.yaml": putBoot("registry.example:5000") + fetchKernel("oci://registry.example:5000/boot/agent:1", "agent.kernal") + "    needs: [boot]\n"},
			want:  []string{`it has no file "agent.kernal", but "agent.kernel", "agent.initramfs"`},
		},
		"a step that does not wait": {
			files: map[string]string{"bayplan.yaml": putBoot("{ layout: /var/media.tar }") + fetchKernel("oci:/var/media.tar:boot/agent:1", "agent.kernel")},
			want:  []string{"reads /var/media.tar, which step \"boot\" makes, but does not come after it"},
		},
	} {
		t.Run(name, tt.run)
	}
}
