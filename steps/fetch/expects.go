package fetch

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// Expects implements runner.Expecter: the file at each of its addresses, its checksums,
// signature and keyring, and the directory that it comes into.
func (f *fetchFile) Expects() []runner.Expected {
	var all []runner.Expected
	d := f.planDigests()
	for _, u := range f.urls() {
		e := runner.Expected{Kind: runner.ExpectFile, Field: "url", URL: u, To: f.target()}
		if _, ok := artifactIn(u); ok && f.Name != "" {
			e.URL += "#" + f.Name
		}
		if dir := layoutIn(u); dir != "" {
			all = append(all, runner.Expected{Kind: runner.ExpectLayout, Field: "url", Path: dir, Signed: setting.Text(f.Key) != ""})
		}
		for _, pin := range []string{d.SHA256, d.SHA512, d.MD5} {
			if pin != "" {
				e.Pins = append(e.Pins, pin)
			}
		}
		all = append(all, e)
	}
	if key := string(setting.Text(f.Key)); key != "" {
		all = append(all, runner.Expected{Kind: runner.ExpectMediaPublic, Field: "key", Path: key})
	}
	if f.To != "" {
		all = append(all, runner.Expected{Kind: runner.ExpectDirectory, Field: "to", Path: filepath.Dir(f.target())})
	}
	if len(f.urls()) == 0 {
		return all
	}
	from, checksums := f.urls()[0], setting.Text(f.Checksums)
	if checksums != "" {
		e := runner.Expected{Kind: runner.ExpectChecksums, Field: "checksums", URL: checksums, For: from, As: f.Name}
		if e.As == "" {
			e.As = lastPart(from)
		}
		if setting.Text(f.Keyring) != "" && setting.Text(f.Signature) == "" {
			e.Names = []string{"signed"} // the list carries its signature
		}
		all = append(all, e)
	}
	if sig := setting.Text(f.Signature); sig != "" {
		signed := from
		if checksums != "" {
			signed = checksums
		}
		all = append(all, runner.Expected{Kind: runner.ExpectSignature, Field: "signature", URL: sig, For: signed})
	}
	if keyring := setting.Text(f.Keyring); keyring != "" {
		all = append(all, runner.Expected{Kind: runner.ExpectKeyring, Field: "keyring", Path: string(keyring)})
	}
	return all
}

// Foresee implements runner.Foreseer.
func (f *fetchFile) Foresee() runner.Outputs {
	if f.To == "" {
		return nil
	}
	return runner.Outputs{"path": plan.Text(f.target())}
}

// Rehearse implements runner.Rehearser: a file that is stood in for has other digests. The
// digest of the stand-in takes their place, so that the file is still compared with one. An
// artifact that is stood in for has no digest that a plan can know.
func (f *fetchFile) Rehearse(r runner.Rehearsal) []string {
	d := f.planDigests()
	if len(f.urls()) == 0 {
		return nil
	}
	first := f.urls()[0]
	if _, ok := artifactIn(first); ok && f.Name != "" {
		first += "#" + f.Name
	}
	sums, standIn := r.StandIn(first)
	if !standIn {
		return nil
	}
	var left []string
	for _, address := range f.artifacts() {
		if tagged, _, pinned := strings.Cut(address, "@"); pinned {
			if !strings.Contains(path.Base(tagged), ":") {
				tagged += ":" + runner.StandInTag
			}
			f.replaceAddress(address, tagged)
			left = append(left, "url: another artifact stands in for the one of its digest")
		}
	}
	for _, pin := range []struct {
		algo  runner.Algo
		field **string
		given string
	}{{runner.SHA256, &f.SHA256, d.SHA256}, {runner.SHA512, &f.SHA512, d.SHA512}, {runner.MD5, &f.MD5, d.MD5}} {
		if pin.given != "" {
			sum := sums[pin.algo]
			*pin.field = &sum
			left = append(left, fmt.Sprintf("%s: another file stands in for it", pin.algo))
		}
	}
	return left
}

// replaceAddress puts one address in the place of another one.
func (f *fetchFile) replaceAddress(from, to string) {
	if f.URL.Text == from {
		f.URL.Text = to
	}
	f.URL.Other = slices.Clone(f.URL.Other)
	for i, address := range f.URL.Other {
		if address == from {
			f.URL.Other[i] = to
		}
	}
}
