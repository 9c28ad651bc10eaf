package rehearse

import (
	"os"
	"path/filepath"
	"testing"
)

// Images have the signatures that plans want: in registries, in layouts and in stores. An image
// that no rule is for is refused, and a rule that is for no image is told.
func TestSignatures(t *testing.T) {
	keys := map[string]string{}
	for _, name := range []string{"redhat.gpg", "fluxcd.pub"} {
		text, err := os.ReadFile(filepath.Join("testdata/mirror/keys", name))
		if err != nil {
			t.Fatal(err)
		}
		keys[name] = string(text)
	}
	plan := func(images, settings string) map[string]string {
		return map[string]string{"redhat.gpg": keys["redhat.gpg"], "fluxcd.pub": keys["fluxcd.pub"], "bayplan.yaml": `steps:
  copy: { type: mirror, with: { to: r.example.com, images: ` + images + `, signatures: ` + settings + ` } }
`}
	}
	const images = `["quay.io/a/one:1", "ghcr.io/b/two@sha256:1111111111111111111111111111111111111111111111111111111111111111"]`
	for name, tt := range map[string]trial{
		"required":            {files: plan(images, "require")},
		"required, selected":  {files: plan(`[{ from: quay.io/a/one, tags: { match: 'v\d+', newest: 2 } }]`, "require")},
		"required of layouts": {files: plan(`[{ layout: /srv/layout }, "oci:/srv/other:c/three:3"]`, "require")},
		"a key":               {files: plan(images, `{ keep: require, trust: [{ images: "**", key: fluxcd.pub }] }`), want: []string{"nothing is wrong", "  key: "}},
		"a key elsewhere":     {files: plan(images, `{ keep: require, trust: [{ images: "**", key: /etc/keys/site.pub }] }`), want: []string{"nothing is wrong", "  key: /etc/keys/site.pub"}},
		"OpenPGP":             {files: plan(images, `{ keep: require, trust: [{ images: "quay.io/**", gpg: redhat.gpg, store: "https://store.example.com/sigs" }, { images: "ghcr.io/**", gpg: redhat.gpg, store: "file:/var/lib/sigs" }] }`)},
		"a signer": {
			files: plan(images, `{ keep: require, trust: [{ images: "**", issuer: "https://token.example.com", identity: "https://git.example.com/**", root: /etc/sigstore/trusted_root.json }] }`),
			want:  []string{"nothing is wrong", "  trusted root: /etc/sigstore/trusted_root.json"},
		},
		"layouts with a signer": {
			files: plan(`[{ layout: /srv/layout }]`, `{ trust: [{ images: "oci:/srv/**", issuer: "https://token.example.com", identity: "*@example.com", root: /etc/sigstore/trusted_root.json }] }`),
		},
		"two signers and a key": {
			files: plan(images, `{ trust: [
    { images: "quay.io/**", issuer: "https://token.example.com", identity: "https://git.example.com/**", root: /etc/sigstore/trusted_root.json },
    { images: "ghcr.io/**", issuer: "https://accounts.example.com", identity: "release?@example.com", root: /etc/sigstore/other.json }] }`),
		},
		"layouts with a key": {files: plan(`[{ layout: /srv/layout }]`, `{ keep: require, trust: [{ images: "oci:/srv/**", key: fluxcd.pub }] }`)},
		"layouts with other names and a store": {
			files: plan(`["oci:/srv/layout:a/one:1"]`, `{ trust: [{ images: "oci:/srv/layout:**", signed_as: quay.io/, gpg: redhat.gpg, store: "https://store.example.com/sigs" }] }`),
		},
		"no rule": {
			files: plan(images, `{ keep: require, trust: [{ images: "quay.io/**", key: fluxcd.pub }] }`),
			want:  []string{"bayplan.yaml:4:3: copy: ", "ghcr.io/b/two"},
		},
		"a rule for no image": {
			files: plan(images, `{ keep: require, trust: [{ images: "docker.io/**", key: fluxcd.pub }, { images: "**", key: fluxcd.pub }] }`),
			want:  []string{"nothing is wrong", "the rule for docker.io/** under signatures.trust decides about no image of the list"},
		},
	} {
		t.Run(name, tt.run)
	}
}
