package packages

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strings"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/rpm"
	"github.com/bayplan/bayplan/internal/signature"
	"github.com/bayplan/bayplan/runner"
)

// A source is the package to unpack, as it is found at the beginning of a run.
type source struct {
	pkg    *rpm.Package
	picks  rpm.Selection
	listed *rpm.Listed // its entry in the repository; nil: it is a local file
	inputs []runner.Input
}

// findSource finds the package and reads its header, once in a run.
func (p *packageFiles) findSource(ctx context.Context, w runner.World) (*source, error) {
	if p.found != nil {
		return p.found, nil
	}
	s := &source{}
	var err error
	if p.RPM != "" {
		err = p.readFile(ctx, w, s)
	} else {
		err = p.readRepository(ctx, w, s)
	}
	if err == nil {
		err = p.checkSigned(ctx, w, s)
	}
	if err != nil {
		return nil, err
	}
	if s.picks, err = s.pkg.Select(p.patterns()); err != nil {
		return nil, fmt.Errorf("package %s: %w", s.pkg.NEVRA(), err)
	}
	s.inputs = append(s.inputs, runner.Input{Name: "package", Digest: s.pkg.NEVRA() + " sha256:" + s.pkg.HeaderSHA256()})
	p.found = s
	return s, nil
}

// readFile reads the header of a local package file.
func (p *packageFiles) readFile(ctx context.Context, w runner.World, s *source) error {
	if p.SHA256 != "" {
		sums, err := w.Sum(ctx, string(p.RPM), runner.SHA256)
		if err == nil && sums[runner.SHA256] != p.SHA256 {
			err = fault.WithHint(&archive.DigestError{Got: sums[runner.SHA256], Want: p.SHA256},
				"it is not the package that was meant, or it was damaged on its way; or sha256 in the plan is out of date")
		}
		if err != nil {
			return fmt.Errorf("package %s: %w", p.RPM, err)
		}
	}
	r, err := w.Open(string(p.RPM))
	if errors.Is(err, fs.ErrNotExist) {
		err := fmt.Errorf("package %s: %w", p.RPM, fs.ErrNotExist)
		return fault.WithHint(err, "put it there, or correct the path under rpm, or let a fetch step bring it")
	}
	if err != nil {
		return err
	}
	defer r.Close()
	if s.pkg, err = rpm.Read(bufio.NewReader(r)); err != nil {
		return fmt.Errorf("package %s: %w", p.RPM, err)
	}
	return nil
}

// readRepository finds the newest package of the name and reads its header, but not
// its payload.
func (p *packageFiles) readRepository(ctx context.Context, w runner.World, s *source) error {
	listed, err := p.newest(ctx, w)
	if err != nil {
		return fmt.Errorf("repository %s: %w", download.RedactURL(p.Repository), err)
	}
	if p.SHA256 != "" && listed.SHA256 != p.SHA256 {
		err := fmt.Errorf("repository %s: %s: %w", download.RedactURL(p.Repository), listed.NEVRA(), &archive.DigestError{Got: listed.SHA256, Want: p.SHA256})
		return fault.WithHint(err, "the repository has another package than the plan expects; sha256 in the plan may be out of date")
	}
	s.listed = &listed
	head, err := p.readHeader(ctx, w, listed)
	if err == nil {
		s.pkg, err = rpm.ReadListed(head, listed)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", download.RedactURL(p.addressOf(listed.Href)), err)
	}
	return nil
}

// maxRepoIndex is the largest repomd.xml that is read. It names some lists, and real ones
// have a few KiB.
const maxRepoIndex = 4 << 20

// newest finds the newest package of the name in the repository's index.
func (p *packageFiles) newest(ctx context.Context, w runner.World) (rpm.Listed, error) {
	text, err := p.repositoryFile(ctx, w, rpm.RepoIndex)
	if err != nil {
		return rpm.Listed{}, err
	}
	b, err := io.ReadAll(io.LimitReader(text, maxRepoIndex+1))
	text.Close()
	if err != nil {
		return rpm.Listed{}, err
	}
	if len(b) > maxRepoIndex {
		return rpm.Listed{}, fmt.Errorf("%s is larger than %s", rpm.RepoIndex, human.Size(maxRepoIndex))
	}
	index, err := rpm.ParseRepomd(b)
	if err != nil {
		return rpm.Listed{}, err
	}
	list, err := p.repositoryFile(ctx, w, index.Href)
	if err != nil {
		return rpm.Listed{}, err
	}
	defer list.Close()
	// The list is hashed while it is parsed. The result is used only when the digest
	// is right.
	s256, s512 := sha256.New(), sha512.New()
	in := io.TeeReader(list, io.MultiWriter(s256, s512))
	listed, err := rpm.Newest(in, index.Href, p.Name, p.Arch)
	if _, restErr := io.Copy(io.Discard, in); restErr != nil {
		return rpm.Listed{}, restErr
	}
	got := download.Digests{SHA256: hex.EncodeToString(s256.Sum(nil)), SHA512: hex.EncodeToString(s512.Sum(nil))}
	if err := (download.Digests{SHA256: index.SHA256, SHA512: index.SHA512}).Check(got); err != nil {
		err = fmt.Errorf("%s: %w", index.Href, err)
		return rpm.Listed{}, fault.WithHint(fault.AsConnection(err), "the repository was renewed just now, or its mirrors differ; try again")
	}
	return listed, err
}

// addressOf gives the address of a file of the repository.
func (p *packageFiles) addressOf(href string) string {
	u, err := url.Parse(p.Repository)
	if err != nil {
		return p.Repository
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	ref, err := url.Parse(href)
	if err != nil {
		return p.Repository
	}
	address := u.ResolveReference(ref)
	address.RawQuery = u.RawQuery
	return address.String()
}

func (p *packageFiles) repositoryFile(ctx context.Context, w runner.World, href string) (io.ReadCloser, error) {
	address := p.addressOf(href)
	if local := download.LocalPath(address); local != "" {
		return w.Open(local)
	}
	return p.out.Downloads().Open(ctx, download.Request{URL: address})
}

// readHeader reads a package of the repository up to the beginning of its payload.
func (p *packageFiles) readHeader(ctx context.Context, w runner.World, l rpm.Listed) ([]byte, error) {
	address := p.addressOf(l.Href)
	local := download.LocalPath(address)
	if local == "" {
		return p.out.Downloads().Head(ctx, download.Request{URL: address}, l.HeaderEnd)
	}
	r, err := w.Open(local)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, l.HeaderEnd))
}

// checkSigned checks the signature of the package, when the plan has a keyring.
func (p *packageFiles) checkSigned(ctx context.Context, w runner.World, s *source) error {
	if p.Keyring == "" {
		return nil
	}
	sums, err := w.Sum(ctx, string(p.Keyring), runner.SHA256)
	if err != nil {
		return fmt.Errorf("read the keyring: %w", err)
	}
	s.inputs = append(s.inputs, runner.Input{Name: "keyring", Digest: "sha256:" + sums[runner.SHA256]})
	keys, err := signature.Load(string(p.Keyring))
	if err != nil {
		return err
	}
	err = s.pkg.CheckSignature(keys, func() (io.ReadCloser, error) {
		if p.RPM == "" {
			return nil, errors.New("its header is not signed by itself; let a fetch step bring it, and name it under rpm")
		}
		return openPayload(w, string(p.RPM))
	})
	if err != nil {
		return fmt.Errorf("package %s: %w", s.pkg.NEVRA(), err)
	}
	return nil
}

// openPayload opens a package file and skips to the beginning of its payload.
func openPayload(w runner.World, file string) (io.ReadCloser, error) {
	r, err := w.Open(file)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(r, 1<<20)
	if _, err := rpm.Read(in); err != nil {
		r.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{in, r}, nil
}
