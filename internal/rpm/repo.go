package rpm

import (
	"bytes"
	"compress/bzip2"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// An Index is the list of packages in a repository.
type Index struct {
	Href   string // path below the repository
	SHA256 string
	SHA512 string
}

// RepoIndex is the path, below the repository, of the file that names the lists.
const RepoIndex = "repodata/repomd.xml"

type repomdXML struct {
	Data []struct {
		Type     string `xml:"type,attr"`
		Location struct {
			Href string `xml:"href,attr"`
		} `xml:"location"`
		Checksum struct {
			Type string `xml:"type,attr"`
			Text string `xml:",chardata"`
		} `xml:"checksum"`
	} `xml:"data"`
}

// ParseRepomd returns the list of packages that a RepoIndex file names.
func ParseRepomd(text []byte) (Index, error) {
	var md repomdXML
	if err := xml.Unmarshal(text, &md); err != nil {
		return Index{}, fmt.Errorf("it is not the index of a repository: %w", err)
	}
	for _, d := range md.Data {
		if d.Type != "primary" {
			continue
		}
		i := Index{Href: d.Location.Href}
		sum := strings.ToLower(strings.TrimSpace(d.Checksum.Text))
		switch d.Checksum.Type {
		case "sha256":
			i.SHA256 = sum
		case "sha512":
			i.SHA512 = sum
		default:
			return Index{}, fmt.Errorf("the checksum of its list of packages is %q; sha256 and sha512 are supported", d.Checksum.Type)
		}
		return i, checkHref(i.Href)
	}
	return Index{}, errors.New("it names no list of packages")
}

// checkHref refuses a path that is not below the repository.
func checkHref(href string) error {
	u, err := url.Parse(href)
	if err != nil || href == "" || u.IsAbs() || u.Host != "" || path.IsAbs(href) || path.Clean(href) != href || strings.HasPrefix(href, "..") {
		return fmt.Errorf("it names %q, which is not below the repository", href)
	}
	return nil
}

// A Listed is the entry of a package in a repository's list.
type Listed struct {
	Name, Epoch, Version, Release, Arch string
	Href                                string // path below the repository
	SHA256                              string // of the file
	Size                                int64
	HeaderEnd                           int64 // where the payload begins
}

// NEVRA returns the full name of the package, as Package.NEVRA does.
func (l Listed) NEVRA() string {
	return (&Package{Name: l.Name, Epoch: l.Epoch, Version: l.Version, Release: l.Release, Arch: l.Arch}).NEVRA()
}

type packageXML struct {
	Type    string `xml:"type,attr"`
	Name    string `xml:"name"`
	Arch    string `xml:"arch"`
	Version struct {
		Epoch string `xml:"epoch,attr"`
		Ver   string `xml:"ver,attr"`
		Rel   string `xml:"rel,attr"`
	} `xml:"version"`
	Checksum struct {
		Type string `xml:"type,attr"`
		Text string `xml:",chardata"`
	} `xml:"checksum"`
	Size struct {
		Package int64 `xml:"package,attr"`
	} `xml:"size"`
	Location struct {
		Href string `xml:"href,attr"`
		Base string `xml:"base,attr"`
	} `xml:"location"`
	Format struct {
		Range struct {
			End int64 `xml:"end,attr"`
		} `xml:"header-range"`
	} `xml:"format"`
}

const (
	// maxPrimary is the largest unpacked list of packages, maxEntry the largest
	// entry of one package in it.
	maxPrimary = 2 << 30
	maxEntry   = 16 << 20
)

var (
	errLongList  = fmt.Errorf("it is larger than %s", human.Size(maxPrimary))
	errLongEntry = fmt.Errorf("the entry of a package is larger than %s", human.Size(maxEntry))
)

// Newest finds the newest package of a name in a list of packages. An empty arch
// means the architecture of this machine and noarch.
func Newest(list io.Reader, href, name, arch string) (Listed, error) {
	r, end, err := unpackList(list, href)
	if err != nil {
		return Listed{}, err
	}
	defer end()
	f := finder{name: name, arch: arch}
	entry := &limitedReader{&limitedReader{r, maxPrimary, errLongList}, maxEntry, errLongEntry}
	dec := xml.NewDecoder(entry)
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return f.result()
		}
		if err != nil {
			return Listed{}, fmt.Errorf("the list of packages cannot be read: %w", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "package" {
			continue
		}
		entry.left = maxEntry
		var p packageXML
		if err := dec.DecodeElement(&p, &start); err != nil {
			return Listed{}, fmt.Errorf("the list of packages cannot be read: %w", err)
		}
		f.add(p)
	}
}

func unpackList(r io.Reader, href string) (io.Reader, func(), error) {
	var out io.Reader
	var err error
	switch path.Ext(href) {
	case ".gz":
		out, err = gzip.NewReader(r)
	case ".xz":
		out, err = archive.XZ(r, maxWindow)
	case ".bz2":
		out = bzip2.NewReader(r)
	case ".zst":
		return archive.Zstd(r, maxWindow)
	case ".xml":
		out = r
	default:
		return nil, nil, fmt.Errorf("the list of packages has an unknown compression: %q", href)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the list of packages: %w", err)
	}
	return out, func() {}, nil
}

// A finder collects the newest packages of a name.
type finder struct {
	name, arch string
	best       []packageXML // of the newest version, one an architecture
	otherArchs []string     // other architectures that there are
	similar    []string
}

func (f *finder) add(p packageXML) {
	if p.Type != "rpm" {
		return
	}
	if p.Name != f.name {
		if len(f.similar) < 5 && strings.Contains(p.Name, f.name) && !slices.Contains(f.similar, p.Name) {
			f.similar = append(f.similar, p.Name)
		}
		return
	}
	if !f.archMatches(p.Arch) {
		if !slices.Contains(f.otherArchs, p.Arch) {
			f.otherArchs = append(f.otherArchs, p.Arch)
		}
		return
	}
	order := 1
	if len(f.best) > 0 {
		order = compareEVR(p.listed(), f.best[0].listed())
	}
	switch {
	case order > 0:
		f.best = []packageXML{p}
	case order == 0:
		f.best = append(f.best, p)
	}
}

func (p packageXML) listed() Listed {
	l := Listed{
		Name: p.Name, Epoch: p.Version.Epoch, Version: p.Version.Ver, Release: p.Version.Rel, Arch: p.Arch,
		Href: p.Location.Href, Size: p.Size.Package, HeaderEnd: p.Format.Range.End,
	}
	if p.Checksum.Type == "sha256" {
		l.SHA256 = strings.ToLower(strings.TrimSpace(p.Checksum.Text))
	}
	return l
}

// archNames are RPM's names of architectures that Go names differently.
var archNames = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

func (f *finder) archMatches(arch string) bool {
	if f.arch != "" {
		return arch == f.arch
	}
	own := archNames[runtime.GOARCH]
	if own == "" {
		own = runtime.GOARCH
	}
	return arch == "noarch" || arch == own
}

func (f *finder) result() (Listed, error) {
	switch {
	case len(f.best) == 0 && len(f.otherArchs) > 0:
		err := fmt.Errorf("it has %q only for %s", f.name, strings.Join(f.otherArchs, ", "))
		return Listed{}, fault.WithHint(err, "say with arch: which of them is meant")
	case len(f.best) == 0:
		err := fmt.Errorf("it has no package %q", f.name)
		if len(f.similar) > 0 {
			return Listed{}, fault.WithHint(err, "it has "+strings.Join(f.similar, ", "))
		}
		return Listed{}, err
	case len(f.best) > 1 && f.best[0].Arch != f.best[1].Arch:
		err := fmt.Errorf("it has %q for %s and for %s", f.name, f.best[0].Arch, f.best[1].Arch)
		return Listed{}, fault.WithHint(err, "say with arch: which of them is meant")
	}
	return f.best[0].checked()
}

// checked returns the entry of a package. It refuses an entry without the facts
// for a safe download.
func (p packageXML) checked() (Listed, error) {
	l := p.listed()
	sum, err := hex.DecodeString(l.SHA256)
	switch {
	case err != nil || len(sum) != 32:
		return Listed{}, fmt.Errorf("it has no sha256 of %s", l.NEVRA())
	case p.Location.Base != "":
		return Listed{}, fmt.Errorf("it keeps %s elsewhere, at %q", l.NEVRA(), p.Location.Base)
	case l.HeaderEnd <= 0 || l.HeaderEnd > maxHeader+maxSignature:
		return Listed{}, fmt.Errorf("it does not say where the header of %s ends", l.NEVRA())
	}
	return l, checkHref(l.Href)
}

// ReadListed reads the headers of a package from its first bytes, and checks that
// it is the listed one.
func ReadListed(head []byte, l Listed) (*Package, error) {
	p, err := Read(bytes.NewReader(head))
	if err != nil {
		return nil, err
	}
	if p.NEVRA() != l.NEVRA() {
		return nil, fmt.Errorf("it is %s, but the repository lists it as %s", p.NEVRA(), l.NEVRA())
	}
	return p, nil
}
