package rpmbuild

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// Repository returns the files of a repository by their path below it: the
// packages, the list of packages and the index that names the list.
func Repository(specs ...Spec) map[string][]byte {
	files := map[string][]byte{}
	var list strings.Builder
	fmt.Fprintf(&list, `<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="%d">`, len(specs))
	for _, s := range specs {
		b := Build(s)
		href := fmt.Sprintf("Packages/%s-%s-%s.%s.rpm", s.Name, s.Version, s.Release, s.Arch)
		files[href] = b
		fmt.Fprintf(&list, `
<package type="rpm">
  <name>%s</name><arch>%s</arch><version epoch="%d" ver="%s" rel="%s"/>
  <checksum type="sha256" pkgid="YES">%s</checksum>
  <size package="%d" installed="0" archive="0"/>
  <location href="%s"/>
  <format><rpm:header-range start="0" end="%d"/></format>
</package>`, s.Name, s.Arch, s.Epoch, s.Version, s.Release, sumText(b), len(b), href, headerEnd(b))
	}
	list.WriteString("\n</metadata>\n")
	packed := pack([]byte(list.String()), "gzip")
	files["repodata/primary.xml.gz"] = packed
	files["repodata/repomd.xml"] = fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo">
  <data type="filelists"><checksum type="sha256">%s</checksum><location href="repodata/filelists.xml.gz"/></data>
  <data type="primary"><checksum type="sha256">%s</checksum><location href="repodata/primary.xml.gz"/></data>
</repomd>
`, sumText(nil), sumText(packed))
	return files
}

func sumText(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// headerEnd returns the offset of a package's payload.
func headerEnd(b []byte) int {
	at := 96
	for range 2 {
		at += -at & 7
		count, size := binary.BigEndian.Uint32(b[at+8:]), binary.BigEndian.Uint32(b[at+12:])
		at += 16 + int(count)*16 + int(size)
	}
	if !bytes.HasPrefix(b, []byte("\xed\xab")) {
		return 0
	}
	return at
}
