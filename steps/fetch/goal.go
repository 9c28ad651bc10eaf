package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/signature"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/internal/imagelist"
	"github.com/bayplan/bayplan/steps/internal/setting"
)

// A goal is what the file must be, as found at the beginning of a run.
type goal struct {
	inputs    []runner.Input
	want      download.Digests      // zero: no digest is known
	signature func(io.Reader) error // checks the file; nil: the file itself is not signed
	remarks   []string              // what people should know about it
	remote    download.Remote       // what the server reports, when want is zero
}

// expect finds what the file must be, once in a run. With a digest in the plan it
// asks no server.
func (f *fetchFile) expect(ctx context.Context, w runner.World) (*goal, error) {
	if f.expected != nil {
		return f.expected, nil
	}
	if err := f.checkSettings(f.unset()); err != nil {
		return nil, err
	}
	e := &goal{want: f.planDigests()}
	err := f.findKeys(ctx, w, e)
	switch {
	case err != nil:
	case setting.Text(f.Checksums) != "":
		err = f.findChecksums(ctx, w, e)
	case e.want.IsZero():
		err = f.findVersion(ctx, w, e)
	}
	if err != nil {
		return nil, err
	}
	f.expected = e
	return e, nil
}

// CheckFiles implements runner.FileChecker: it reads a list of checksums that is a file
// of this host.
func (f *fetchFile) CheckFiles(ctx context.Context, w runner.World, known bool) error {
	if key := string(setting.Text(f.Key)); key != "" {
		if err := imagelist.CheckKey(w, key); err != nil {
			return plan.At("key", err)
		}
	}
	list, sig := setting.Text(f.Checksums), setting.Text(f.Signature)
	if !known || download.LocalPath(list) == "" || sig != "" && download.LocalPath(sig) == "" {
		return nil
	}
	if keyring := string(setting.Text(f.Keyring)); keyring != "" {
		if _, err := w.Stat(keyring); err != nil {
			return err
		}
	}
	return plan.At("checksums", f.findChecksums(ctx, w, &goal{}))
}

// An absence says which of the settings that secure the file are missing.
type absence struct{ digest, checksums, signature, keyring bool }

// leftOut gives the settings that the plan does not have. A setting that is a
// reference counts as present: it may get a value later.
func (f *fetchFile) leftOut() absence {
	return absence{
		digest:    f.SHA256 == nil && f.SHA512 == nil && f.MD5 == nil,
		checksums: f.Checksums == nil, signature: f.Signature == nil, keyring: f.Keyring == nil,
	}
}

// unset gives the settings without a value, when all references are known.
func (f *fetchFile) unset() absence {
	return absence{
		digest:    f.planDigests().IsZero(),
		checksums: setting.Text(f.Checksums) == "", signature: setting.Text(f.Signature) == "", keyring: setting.Text(f.Keyring) == "",
	}
}

// checkSettings reports settings that need another setting to secure the file.
func (f *fetchFile) checkSettings(no absence) error {
	pinned := !no.digest || !no.checksums
	switch {
	case len(f.urls()) > 1 && !pinned:
		err := errors.New("url names several addresses, and nothing says what the file must be")
		return plan.At("url", fault.WithHint(err, "give sha256 or checksums: the digest ensures that all addresses have the same file"))
	case f.HTTPRedirects && !pinned && no.signature:
		err := errors.New("http_redirects is allowed only where a digest or a signature vouches for the file")
		return plan.At("http_redirects", fault.WithHint(err, "give sha256 or checksums"))
	case setting.Text(f.Signature) != "" && no.keyring:
		err := errors.New("there is a signature, but no keyring to check it with")
		return plan.At("signature", fault.WithHint(err, "name the file of the trusted keys under keyring"))
	case setting.Text(f.Keyring) != "" && no.signature && no.checksums:
		return plan.At("keyring", errors.New("there is a keyring, but neither checksums nor a signature to check with it"))
	}
	return nil
}

// findKeys adds the files of keys to the inputs.
func (f *fetchFile) findKeys(ctx context.Context, w runner.World, e *goal) error {
	for _, key := range []struct{ name, path string }{{"keyring", string(setting.Text(f.Keyring))}, {"key", string(setting.Text(f.Key))}} {
		if key.path == "" {
			continue
		}
		sums, err := w.Sum(ctx, key.path, runner.SHA256)
		if err != nil {
			return fmt.Errorf("read the %s: %w", key.name, err)
		}
		e.inputs = append(e.inputs, runner.Input{Name: key.name, Digest: "sha256:" + sums[runner.SHA256]})
	}
	return nil
}

// findChecksums takes the file's digests from the list of checksums.
func (f *fetchFile) findChecksums(ctx context.Context, w runner.World, e *goal) error {
	list, err := f.readSmall(ctx, w, setting.Text(f.Checksums))
	if err == nil {
		list, err = f.signedList(ctx, w, e, list)
	}
	if err != nil {
		return fmt.Errorf("checksums: %w", err)
	}
	name, err := f.listedName(ctx, w)
	if err != nil {
		return err
	}
	e.want, err = download.ParseChecksums(list, name, strings.HasPrefix(lastPart(setting.Text(f.Checksums)), name+"."))
	if err != nil {
		return fmt.Errorf("checksums in %s: %w", download.RedactURL(setting.Text(f.Checksums)), err)
	}
	for _, sum := range digestList(e.want) {
		e.inputs = append(e.inputs, runner.Input{Name: "checksums." + sum[0], Digest: sum[1]})
	}
	return nil
}

// listedName gives the name that the file has in the list of checksums.
func (f *fetchFile) listedName(ctx context.Context, w runner.World) (string, error) {
	from := f.urls()[0]
	if f.Name != "" {
		return f.Name, nil
	}
	if _, ok := artifactIn(from); !ok {
		return lastPart(from), nil
	}
	b, err := f.blobAt(ctx, w, from)
	if err != nil {
		return "", err
	}
	return b.file.Title, nil
}

// signedList gives the signed part of a list. Without a keyring its signature is not
// checked.
func (f *fetchFile) signedList(ctx context.Context, w runner.World, e *goal, list []byte) ([]byte, error) {
	if setting.Text(f.Keyring) == "" {
		return f.uncheckedList(e, list)
	}
	keys, err := signature.Load(string(setting.Text(f.Keyring)))
	if err != nil {
		return nil, err
	}
	if setting.Text(f.Signature) == "" {
		if !signature.IsSigned(list) {
			err := fmt.Errorf("%s has no signature in it", download.RedactURL(setting.Text(f.Checksums)))
			return nil, fault.WithHint(err, "name the address of its signature under signature, or leave out keyring")
		}
		signed, err := keys.Signed(list)
		return signed, aboutURL(setting.Text(f.Checksums), err)
	}
	sig, err := f.readSmall(ctx, w, setting.Text(f.Signature))
	if err != nil {
		return nil, err
	}
	return list, aboutURL(setting.Text(f.Checksums), keys.Detached(strings.NewReader(string(list)), sig))
}

// uncheckedList gives the text of a list, and a note if nothing checks its signature.
func (f *fetchFile) uncheckedList(e *goal, list []byte) ([]byte, error) {
	address := setting.Text(f.Checksums)
	text, signed, err := signature.Content(list)
	if signed {
		e.remarks = append(e.remarks, fmt.Sprintf("the signature of %s is not checked: name the file of the signer's keys under keyring", download.RedactURL(address)))
	}
	var other *signature.NotTextError
	if errors.As(err, &other) {
		err = fault.WithHint(err, "checksums names the list itself; its signature goes under signature, and the signer's keys under keyring")
	}
	return text, aboutURL(address, err)
}

func aboutURL(address string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", download.RedactURL(address), err)
}

// findVersion asks the server which version of the file it has. A local source is
// hashed instead.
func (f *fetchFile) findVersion(ctx context.Context, w runner.World, e *goal) error {
	if setting.Text(f.Signature) != "" {
		if err := f.findSignature(ctx, w, e); err != nil {
			return err
		}
	}
	from := f.urls()[0]
	if _, ok := artifactIn(from); ok {
		return f.findBlob(ctx, w, e)
	}
	if local := download.LocalPath(from); local != "" {
		sums, err := w.Sum(ctx, local, runner.SHA256)
		if err != nil {
			return fmt.Errorf("read %s: %w", local, err)
		}
		e.want.SHA256 = sums[runner.SHA256]
		e.inputs = append(e.inputs, runner.Input{Name: "source", Digest: "sha256:" + e.want.SHA256})
		return nil
	}
	found, err := f.out.Downloads().Look(ctx, f.request(from))
	if err != nil {
		return fault.WithHint(err, hintOr(err, "with sha256 in the plan, no server is asked while the file is there"))
	}
	e.remote = found
	version := found.Version()
	if version == "" {
		version = noVersion
	}
	e.inputs = append(e.inputs, runner.Input{Name: "version", Digest: version})
	return nil
}

// noVersion is the version in the inputs when a server reports none. It is kept in
// state files.
const noVersion = "the server tells none"

// findSignature reads the file's own signature.
func (f *fetchFile) findSignature(ctx context.Context, w runner.World, e *goal) error {
	keys, err := signature.Load(string(setting.Text(f.Keyring)))
	if err != nil {
		return err
	}
	sig, err := f.readSmall(ctx, w, setting.Text(f.Signature))
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	e.signature = func(r io.Reader) error { return keys.Detached(r, sig) }
	return nil
}

func (f *fetchFile) request(address string) download.Request {
	return download.Request{URL: address, Downgrade: f.HTTPRedirects}
}

// readSmall reads a small file, such as a list of checksums, into memory.
func (f *fetchFile) readSmall(ctx context.Context, w runner.World, address string) ([]byte, error) {
	local := download.LocalPath(address)
	if local == "" {
		return f.out.Downloads().Small(ctx, f.request(address))
	}
	r, err := w.Open(local)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, download.MaxLocal+1))
	if err == nil && len(b) > download.MaxLocal {
		err = fmt.Errorf("%s is larger than %d bytes", local, download.MaxLocal)
	}
	return b, err
}

// digestList gives the digests that are known, the strongest first.
func digestList(d download.Digests) [][2]string {
	var known [][2]string
	for _, one := range [][2]string{{"sha512", d.SHA512}, {"sha256", d.SHA256}, {"md5", d.MD5}} {
		if one[1] != "" {
			known = append(known, one)
		}
	}
	return known
}

// digestText gives the digest of a file with its algorithm, "" if none is known: the SHA-256,
// which is known of every file that is there, or else the strongest.
func digestText(d download.Digests) string {
	if d.SHA256 != "" {
		return "sha256:" + d.SHA256
	}
	for _, sum := range digestList(d) {
		return sum[0] + ":" + sum[1]
	}
	return ""
}

// hintOr gives the hint of an error, or the other text when it has none.
func hintOr(err error, otherwise string) string {
	if own := fault.Hint(err); own != "" {
		return own
	}
	return otherwise
}
