package rehearse

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/receipt"
	"github.com/bayplan/bayplan/internal/rpm/rpmbuild"
	"github.com/bayplan/bayplan/internal/standin"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/runner"
)

// contentOf makes what stands in for a thing.
func (b *builder) contentOf(t *thing) ([]byte, error) {
	if t.content != nil {
		return t.content, nil
	}
	var err error
	if t.own {
		t.content, err = os.ReadFile(t.disk)
	} else {
		t.content, err = b.newContent(t)
	}
	return t.content, err
}

func (b *builder) newContent(t *thing) ([]byte, error) {
	switch t.Kind {
	case runner.ExpectArchive:
		return b.archive(t)
	case runner.ExpectPackage:
		return b.pack(t)
	case runner.ExpectRoles:
		return tripleo.SampleRoles(t.Format)
	case runner.ExpectEnvironment:
		return tripleo.SampleEnvironment(t.Format, t.name)
	case runner.ExpectTemplate:
		return tripleo.SampleTemplate(t.Format)
	case runner.ExpectImageList:
		return []byte("# Stand-in for a list of images\nquay.io/stand-in/image:1.0\n"), nil
	case runner.ExpectBootScript:
		return b.bootScript(t), nil
	case runner.ExpectChecksums:
		return b.checksums(t)
	case runner.ExpectSignature:
		return b.signature(t)
	case runner.ExpectKeyring, runner.ExpectImagePGP:
		return b.world.pgp.Public()
	case runner.ExpectReceipt:
		return (&receipt.Receipt{Of: "stand-in.invalid"}).Text(), nil
	case runner.ExpectMediaSecret:
		return b.world.secret, nil
	case runner.ExpectMediaPublic:
		return b.world.public, nil
	case runner.ExpectImageKey:
		return b.world.rules.Signer.Public()
	case runner.ExpectTrustRoot:
		if b.world.rules.Authority == nil {
			return []byte("{}\n"), nil // no rule names a signer yet
		}
		return b.world.rules.Authority.Root()
	}
	return b.file(t)
}

// file makes a file of the format that is known, or else that its name shows.
func (b *builder) file(t *thing) ([]byte, error) {
	format := t.Format
	if format == "" {
		format = standin.FormatOf(t.name)
	}
	switch format {
	case "archive":
		return b.archive(t)
	case "package":
		return b.pack(t)
	case "":
		return []byte("stand-in for " + t.name + "\n"), nil
	}
	return standin.Disk(format, strings.TrimSuffix(t.name, path.Ext(t.name))), nil
}

// archive makes a tar archive of the members, or of one disk image where none is known.
func (b *builder) archive(t *thing) ([]byte, error) {
	if len(t.order) == 0 {
		stem, _, _ := strings.Cut(t.name, ".tar")
		t.member(stem + ".qcow2")
	}
	var files []standin.File
	for _, name := range t.order {
		content, err := b.contentOf(t.members[name])
		if err != nil {
			return nil, err
		}
		files = append(files, standin.File{Name: name, Content: content})
	}
	return standin.Tar(files)
}

// spec describes the package that stands in for one: with its members where the patterns
// of what is unpacked expect them, and a file for each pattern without one.
func (b *builder) spec(t *thing) (rpmbuild.Spec, error) {
	s := rpmbuild.Spec{Name: t.Format, Version: "1.0", Release: "1", Arch: "noarch"}
	if s.Name == "" {
		s.Name = strings.TrimSuffix(t.name, ".rpm")
	}
	if t.As != "" {
		s.Arch = t.As
	}
	unused := slices.Clone(t.Names)
	for _, name := range t.order {
		dir := "/usr/share/" + s.Name
		for _, pattern := range t.Names {
			if ok, _ := path.Match(path.Base(pattern), name); ok && !strings.ContainsAny(path.Dir(pattern), "*?[") {
				dir = path.Dir(pattern)
				unused = slices.DeleteFunc(unused, func(p string) bool { return p == pattern })
			}
		}
		content, err := b.contentOf(t.members[name])
		if err != nil {
			return s, err
		}
		s.Files = append(s.Files, rpmbuild.File{Path: path.Join(dir, name), Body: string(content)})
	}
	for _, pattern := range unused {
		name := strings.NewReplacer("*", s.Name, "?", "x", "[", "", "]", "").Replace(pattern)
		content, err := b.file(&thing{name: path.Base(name)})
		if err != nil {
			return s, err
		}
		s.Files = append(s.Files, rpmbuild.File{Path: name, Body: string(content)})
	}
	return s, nil
}

func (b *builder) pack(t *thing) ([]byte, error) {
	s, err := b.spec(t)
	if err != nil {
		return nil, err
	}
	return rpmbuild.Build(s), nil
}

// repository makes the files of a repository of packages, by their addresses.
func (b *builder) repository(t *thing) (map[string][]byte, error) {
	s, err := b.spec(t)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for name, content := range rpmbuild.Repository(s) {
		files[strings.TrimSuffix(t.url, "/")+"/"+name] = content
	}
	return files, nil
}

// bootScript makes a script of iPXE, as ironic-inspector's is, that loads the kernel and
// the ramdisk which the plan places in the directory.
func (b *builder) bootScript(t *thing) []byte {
	kernel, ramdisk := "agent.kernel", "agent.ramdisk"
	for _, s := range b.things.steps {
		for _, file := range s.Writes {
			name := path.Base(file)
			switch {
			case path.Dir(file) != path.Clean(t.For):
			case standin.FormatOf(name) == "aki":
				kernel = name
			case standin.FormatOf(name) == "ari":
				ramdisk = name
			}
		}
	}
	base := strings.TrimSuffix(t.URL, "/")
	if base == "" {
		base = "http://boot.invalid"
	}
	return fmt.Appendf(nil, `#!ipxe
:retry_boot
imgfree
kernel --timeout 60000 %[1]s/%[2]s ipa-inspection-callback-url=http://%[4]s:5050/v1/continue BOOTIF=${mac} initrd=%[3]s || goto retry_boot
initrd --timeout 60000 %[1]s/%[3]s || goto retry_boot
boot
`, base, kernel, ramdisk, hostOf(base))
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return u.Hostname()
}

// checksums makes the list of checksums of all files that an address is a list for.
func (b *builder) checksums(t *thing) ([]byte, error) {
	algo := runner.SHA256
	switch name := strings.ToLower(t.name); {
	case strings.Contains(name, "512"):
		algo = runner.SHA512
	case strings.Contains(name, "md5"):
		algo = runner.MD5
	}
	var text strings.Builder
	signed := false
	for _, e := range b.things.wanted {
		if e.Kind != runner.ExpectChecksums || b.things.source(e) != t {
			continue
		}
		of := b.things.source(runner.Expectation{Node: e.Node, Expected: runner.Expected{Kind: runner.ExpectFile, URL: e.For}})
		if of == nil {
			continue // a step makes it
		}
		content, err := b.contentOf(of)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&text, "%s  %s\n", digestsOf(content)[algo], e.As)
		signed = signed || slices.Contains(e.Names, "signed")
	}
	if signed {
		return b.world.pgp.Clear([]byte(text.String()))
	}
	return []byte(text.String()), nil
}

// signature makes the signature of what another address has.
func (b *builder) signature(t *thing) ([]byte, error) {
	of := b.things.source(runner.Expectation{Node: t.Node, Expected: runner.Expected{Kind: runner.ExpectFile, URL: t.For}})
	if of == nil {
		return nil, fmt.Errorf("a step makes %s, so that no signature of it can be stood in for", t.For)
	}
	content, err := b.contentOf(of)
	if err != nil {
		return nil, err
	}
	return b.world.pgp.Detached(content)
}
