package mirror

import (
	"fmt"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/destination"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// Expects implements runner.Expecter: what the list names, the directories of layouts, the
// platforms and signatures that images need, and the keys that prove them.
func (m *mirror) Expects() []runner.Expected {
	all := append(m.Images.Expects("images"), destination.Expects(m.To)...)
	if len(m.Platforms) > 0 {
		all = append(all, runner.Expected{Kind: runner.ExpectPlatforms, Field: "platforms", Names: m.Platforms})
	}
	if m.keep() != "ignore" && m.keep() != "" {
		all = append(all, runner.Expected{Kind: runner.ExpectSigned, Field: "signatures"})
	}
	kinds := map[string]runner.Kind{"gpg": runner.ExpectImagePGP, "key": runner.ExpectImageKey, "root": runner.ExpectTrustRoot}
	for _, f := range m.keyFiles() {
		rule := m.trustRules()[f.rule]
		all = append(all, runner.Expected{
			Kind: kinds[f.field], Field: f.at(), Path: f.path, URL: setting.Text(rule.Store), For: rule.Images, As: setting.Text(rule.SignedAs),
			Identity: setting.Text(rule.Identity), Issuer: setting.Text(rule.Issuer),
		})
	}
	return all
}

// Rehearse implements runner.Rehearser: a store of files cannot have the signatures of images
// that are made on the spot, and a server can.
func (m *mirror) Rehearse(runner.Rehearsal) []string {
	var left []string
	for i, r := range m.trustRules() {
		if dir := download.LocalPath(setting.Text(r.Store)); dir != "" {
			m.Signatures.Other.Trust[i].Store = new("https://files.invalid" + dir)
			left = append(left, fmt.Sprintf("signatures.trust[%d].store: other signatures stand in for its files", i))
		}
	}
	return left
}
