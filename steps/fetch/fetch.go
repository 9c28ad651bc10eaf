// Package fetch is the step type fetch, which brings one file from a web server, a registry
// or an OCI layout, and checks it with digests, lists of checksums and signatures.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// fetchFile brings one file from a web server, or takes it out of an artifact in a registry or
// an OCI layout. It gets its name when it is whole and its digest is right; what a killed run
// has left of it is continued.
type fetchFile struct {
	// Address of the file (https, http or file), or a list of addresses that serve the same file:
	// of those the next is tried where one fails or has another file. oci://HOST/NAME:TAG is a
	// file that a step of type artifact, or oras, has put into a registry, and
	// oci:LAYOUT:NAME:TAG one in an OCI layout, a directory or a tar archive; @sha256:HEX behind
	// either names one artifact. The settings and the login of HOST are those of its connection
	// under connections.registries, and the lock file keeps what a tag there stands for. The
	// artifact has the digest of the file, which vouches for it. Signatures of artifacts are not
	// checked here: a mirror step checks those of what it copies, by its signatures.trust.
	URL plan.TextOr[string, []string] `json:"url"`
	// File to write. Its directory must be there.
	To plan.Path `json:"to"`
	// Digest that the file must have, 64 lower-case hex digits. While the file is there and has it,
	// no server is asked.
	SHA256 *string `json:"sha256,omitempty" jsonschema:"pattern=^[0-9a-f]{64}$"`
	// Digest that the file must have, 128 lower-case hex digits.
	SHA512 *string `json:"sha512,omitempty" jsonschema:"pattern=^[0-9a-f]{128}$"`
	// Digest that the file must have, 32 lower-case hex digits. It tells damage, and no deceit.
	MD5 *string `json:"md5,omitempty" jsonschema:"pattern=^[0-9a-f]{32}$"`
	// Address of a list of checksums that has the file's: as sha256sum writes it, as BSD's tools
	// do, or the digest alone. It is read at every run.
	Checksums *string `json:"checksums,omitempty"`
	// Name under which the file stands in the list of checksums, where that is not the last part of
	// its address. Of an artifact with several files, the title of the one that is meant.
	Name string `json:"name,omitempty"`
	// Address of the OpenPGP signature of the list of checksums or, without one, of the file. A
	// list that carries its signature needs none.
	Signature *string `json:"signature,omitempty"`
	// File of the public keys that a signature is believed of. With it there must be one.
	Keyring *plan.Path `json:"keyring,omitempty"`
	// Public key of minisign, a file, that has to prove the archives that url names as layouts, each
	// with a table of its pieces and a signature of that. All bytes are checked before the first one
	// is used.
	Key *plan.Path `json:"key,omitempty"`
	// Permissions of the file, as four octal digits in quotes: "0644". Left out, a new one gets
	// 0644.
	Mode string `json:"mode,omitempty" jsonschema:"pattern=^0[0-7]{3}$"`
	// Follow a server that leads from https to plain http. It needs a digest or a signature, which
	// then is all that vouches for the file.
	HTTPRedirects bool `json:"http_redirects,omitempty"`

	out      servers
	expected *goal            // what the file must be, found once in a run
	blobs    map[string]*blob // of the artifacts at the addresses
}

// servers are what the step needs of the plan's connections.
type servers interface {
	// Downloads gives the client for web hosts.
	Downloads() *download.Client
	// Registry gives the client for all registries.
	Registry() *registry.Client
	// Resolve gives the digest that a tag stands for, by the lock or its registry.
	Resolve(ctx context.Context, image string) (string, error)
	// MovedTags reports the tags that no longer stand for what they are locked to.
	MovedTags(ctx context.Context, images []string) ([]string, []runner.Moved)
	// ExplainNotFound adds a hint when a registry no longer has what a tag is locked to.
	ExplainNotFound(err error, image string) error
}

// Type gives the step type fetch.
func Type(out servers) runner.Type {
	return runner.Type{
		Name: "fetch",
		Outputs: []runner.Output{
			{Name: "path", Doc: "The file, absolute.", Made: true, Local: true},
			{Name: "sha256", Doc: "Its digest, 64 hex digits."},
			{Name: "size", Doc: "Its bytes."},
		},
		New: func() runner.Step { return &fetchFile{out: out} },
	}
}

// Validate implements runner.Validator.
func (f *fetchFile) Validate() error {
	var errs []error
	for i, u := range f.urls() {
		field := "url"
		if f.URL.Text == "" {
			field = fmt.Sprintf("url[%d]", i)
		}
		errs = append(errs, plan.At(field, checkAddress(u)))
	}
	if f.URL.Text == "" && f.URL.Other != nil && len(f.URL.Other) == 0 {
		errs = append(errs, plan.At("url", errors.New("names no address")))
	}
	errs = append(errs,
		plan.At("checksums", download.CheckURL(setting.Text(f.Checksums))),
		plan.At("signature", download.CheckURL(setting.Text(f.Signature))),
		setting.CheckDigest("sha256", setting.Text(f.SHA256)), setting.CheckDigest("sha512", setting.Text(f.SHA512)), setting.CheckDigest("md5", setting.Text(f.MD5)),
		plan.At("mode", setting.CheckMode(f.Mode)),
	)
	return errors.Join(append(errs, f.checkCombinations()...)...)
}

// checkCombinations reports settings that contradict each other or lack another one.
func (f *fetchFile) checkCombinations() []error {
	var errs []error
	given := !f.planDigests().IsZero()
	report := func(field, text string) { errs = append(errs, plan.At(field, errors.New(text))) }
	if setting.Text(f.Checksums) != "" && given {
		report("checksums", "give either checksums or the digest itself")
	}
	if f.Name != "" && f.Checksums == nil && given && len(f.artifacts()) == 0 && !slices.Contains(f.urls(), "") {
		report("name", "it is the file's name in checksums, and there are none")
	}
	if setting.Text(f.Keyring) != "" && given {
		report("keyring", "with the digest itself given, no signature is checked")
	}
	if setting.Text(f.Signature) != "" && given {
		report("signature", "it is the signature of the list of checksums or of the file; with the digest itself given, no signature is checked")
	}
	if key := setting.Text(f.Key); key != "" && !slices.ContainsFunc(f.urls(), func(u string) bool { return u == "" || layoutIn(u) != "" }) {
		report("key", "it proves layouts, and url names none")
	}
	for _, u := range f.urls() {
		if dir := layoutIn(u); dir != "" && setting.Text(f.Key) != "" && !strings.HasSuffix(dir, ".tar") {
			report("key", dir+" is a directory, and only an archive is signed")
		}
	}
	if !given {
		errs = append(errs, f.checkSettings(f.leftOut()))
	}
	return errs
}

func (f *fetchFile) urls() []string {
	if f.URL.Text != "" {
		return []string{f.URL.Text}
	}
	return f.URL.Other
}

// Paths implements runner.Pather.
func (f *fetchFile) Paths() runner.Paths {
	p := runner.Paths{Writes: []string{string(f.To)}, Reads: []string{string(setting.Text(f.Keyring)), string(setting.Text(f.Key))}}
	for _, u := range slices.Concat(f.urls(), []string{setting.Text(f.Checksums), setting.Text(f.Signature)}) {
		p.Reads = append(p.Reads, download.LocalPath(u), layoutIn(u))
	}
	p.Looks, p.Asks = f.places()
	if web := slices.DeleteFunc(slices.Clone(f.urls()), func(u string) bool { return slices.Contains(f.artifacts(), u) }); len(web) > 0 {
		p.Asks = append(p.Asks, setting.WebServer("url", web...)...)
	}
	if f.Checksums != nil {
		p.Asks = append(p.Asks, setting.WebServer("checksums", *f.Checksums)...)
	}
	if f.Signature != nil {
		p.Asks = append(p.Asks, setting.WebServer("signature", *f.Signature)...)
	}
	return p
}

// vouched gives the file if a digest or a signature says what it must be. MD5 does not
// count: it tells damage only. Of an artifact, the digest in its address does, or the lock
// file that keeps its tag.
func (f *fetchFile) vouched(e *goal) []string {
	strong := f.planDigests().SHA256 != "" || f.planDigests().SHA512 != "" || setting.Text(f.Checksums) != "" && e.want.SHA256+e.want.SHA512 != ""
	locked := func(address string) bool { return layoutIn(address) == "" || imagelist.HasDigest(address) }
	strong = strong || len(f.artifacts()) == 1 && locked(f.artifacts()[0])
	if strong || e.signature != nil {
		return []string{f.target()}
	}
	return nil
}

// planDigests gives the digests that the plan itself has.
func (f *fetchFile) planDigests() download.Digests {
	return download.Digests{SHA256: setting.Text(f.SHA256), SHA512: setting.Text(f.SHA512), MD5: setting.Text(f.MD5)}
}

// target gives the path of the file as the outputs have it.
func (f *fetchFile) target() string { return filepath.Clean(string(f.To)) }

// mode gives the mode of a new file.
func (f *fetchFile) mode() fs.FileMode {
	return setting.Mode(f.Mode, 0o644)
}

// Inputs gives what the file must be, as far as it is known: the digests of the
// list of checksums, or else the digest of a local source or the version that the
// server reports.
func (f *fetchFile) Inputs(ctx context.Context, w runner.World) ([]runner.Input, error) {
	e, err := f.expect(ctx, w)
	if err != nil {
		return nil, err
	}
	return e.inputs, nil
}

// Diff compares the file with what it must be. Without a digest, the file counts as
// unchanged when the server reports the same version as when the file was fetched,
// or when the file has the size and time that the server reports.
func (f *fetchFile) Diff(ctx context.Context, w runner.World, prior *runner.Record) (*runner.Finding, error) {
	e, err := f.expect(ctx, w)
	if err != nil {
		return nil, err
	}
	d := &diff{fetchFile: f, goal: e, world: w}
	if err := d.compare(ctx, prior); err != nil {
		return nil, err
	}
	if err := d.lookAhead(ctx); err != nil {
		return nil, err
	}
	notes, moved := f.moved(ctx)
	finding := &runner.Finding{
		Outputs: d.outputs(), Fills: d.fills(), Change: d.change(ctx),
		Notes: slices.Concat(e.remarks, notes), Moved: moved, Vouched: f.vouched(e),
	}
	d.filled = finding.Fills
	return finding, nil
}

// Verify hashes the file and compares it with what it must be.
func (f *fetchFile) Verify(ctx context.Context, w runner.World) (runner.Outputs, error) {
	e, err := f.expect(ctx, w)
	if err != nil {
		return nil, err
	}
	fi, err := w.Stat(f.target())
	if err == nil {
		err = f.checkMode(fi)
	}
	if err != nil {
		return nil, err
	}
	found, err := sumsOf(ctx, w, f.target(), e.want)
	if err != nil {
		return nil, err
	}
	err = e.want.Check(found)
	if err == nil && e.want.IsZero() {
		err = checkUnpinned(e.remote, fi)
	}
	if err == nil && e.signature != nil {
		err = f.verifySigned(e, w)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.To, err)
	}
	return f.outputs(found.SHA256, fi.Size()), nil
}

// checkMode checks that the file is regular and has the mode of the plan.
func (f *fetchFile) checkMode(fi fs.FileInfo) error {
	switch {
	case !fi.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", f.To)
	case f.Mode != "" && fi.Mode().Perm() != f.mode():
		return fmt.Errorf("%s has mode %04o, not %s", f.To, fi.Mode().Perm(), f.Mode)
	}
	return nil
}

// checkUnpinned compares a file for which no digest is known with the size and time
// that the server reports.
func checkUnpinned(remote download.Remote, fi fs.FileInfo) error {
	if remote.Size >= 0 && fi.Size() != remote.Size {
		return fmt.Errorf("it has %d bytes, and the server's file has %d", fi.Size(), remote.Size)
	}
	if at, ok := remote.Time(); ok && !remote.HasTime(fi.ModTime()) {
		return fmt.Errorf("its time is %s, and the server's file has %s", fi.ModTime().UTC().Format(timeFormat), at.UTC().Format(timeFormat))
	}
	return nil
}

const timeFormat = "2006-01-02 15:04:05 UTC"

// verifySigned checks the file with its own signature.
func (f *fetchFile) verifySigned(e *goal, w runner.World) error {
	r, err := w.Open(f.target())
	if err != nil {
		return err
	}
	defer r.Close()
	return e.signature(r)
}

func (f *fetchFile) outputs(sha256 string, size int64) runner.Outputs {
	return runner.Outputs{
		"path":   plan.Text(f.target()),
		"sha256": plan.Text(sha256),
		"size":   plan.Text(strconv.FormatInt(size, 10)),
	}
}

// sumsOf gives the SHA-256 digest of a file, and its other digests for which want
// has a value.
func sumsOf(ctx context.Context, w runner.World, file string, want download.Digests) (download.Digests, error) {
	algos := []runner.Algo{runner.SHA256}
	if want.SHA512 != "" {
		algos = append(algos, runner.SHA512)
	}
	if want.MD5 != "" {
		algos = append(algos, runner.MD5)
	}
	sums, err := w.Sum(ctx, file, algos...)
	if err != nil {
		return download.Digests{}, err
	}
	return download.Digests{SHA256: sums[runner.SHA256], SHA512: sums[runner.SHA512], MD5: sums[runner.MD5]}, nil
}

// leftovers gives the unfinished files of runs that were killed.
func (f *fetchFile) leftovers() []string {
	var found []string
	for _, name := range download.Parts(f.target()) {
		if fi, err := os.Lstat(name); err == nil && fi.Mode().IsRegular() {
			found = append(found, name)
		}
	}
	return found
}

// lastPart gives the last part of the path of an address. Lists of checksums have
// the file under this name.
func lastPart(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return path.Base(strings.TrimSuffix(u.Path, "/"))
}
