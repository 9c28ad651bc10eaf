package rpm

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ulikunitz/xz"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/rpm/rpmbuild"
)

const images = "/usr/share/rhosp-director-images/"

// imageSpec is like the real package: a file, a link to it without the version in
// its name, and another file.
func imageSpec() rpmbuild.Spec {
	return rpmbuild.Spec{
		Name: "rhosp-director-images", Version: "13.0", Release: "20190418.1.el7ost", Arch: "noarch",
		Files: []rpmbuild.File{
			{Path: "/usr/share/rhosp-director-images", Mode: 0o040755},
			{Path: images + "overcloud-full-13.0.tar", Body: "disk image"},
			{Path: images + "overcloud-full-latest.tar", Link: "overcloud-full-13.0.tar"},
			{Path: images + "tool", Body: "#!/bin/sh", Mode: 0o100755},
			{Path: images + "empty", Body: ""},
		},
	}
}

// unpack returns the content of the unpacked files by name.
func unpack(t *testing.T, b []byte, patterns ...string) (map[string]string, error) {
	t.Helper()
	r := bytes.NewReader(b)
	p, err := Read(r)
	if err != nil {
		return nil, err
	}
	s, err := p.Select(patterns)
	if err != nil {
		return nil, err
	}
	archive := p.Tar(t.Context(), io.NopCloser(r), s.Picks)
	defer archive.Close()
	got := map[string]string{}
	for in := tar.NewReader(archive); ; {
		h, err := in.Next()
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		got[h.Name] = string(body)
	}
}

func TestUnpack(t *testing.T) {
	tests := map[string]struct {
		change   func(*rpmbuild.Spec)
		patterns []string
		want     map[string]string
	}{
		"a file":                     {nil, []string{images + "overcloud-full-13.0.tar"}, map[string]string{"overcloud-full-13.0.tar": "disk image"}},
		"a pattern":                  {nil, []string{images + "*.tar"}, map[string]string{"overcloud-full-13.0.tar": "disk image"}},
		"a link stands for its file": {nil, []string{images + "*latest*"}, map[string]string{"overcloud-full-latest.tar": "disk image"}},
		"several patterns":           {nil, []string{images + "tool", images + "empty"}, map[string]string{"tool": "#!/bin/sh", "empty": ""}},
		"all":                        {nil, []string{images + "*"}, map[string]string{"overcloud-full-13.0.tar": "disk image", "tool": "#!/bin/sh", "empty": ""}},
		"xz":                         {func(s *rpmbuild.Spec) { s.Compressor, s.Compress = "xz", packXZ }, []string{images + "tool"}, map[string]string{"tool": "#!/bin/sh"}},
		"zstd":                       {func(s *rpmbuild.Spec) { s.Compressor = "zstd" }, []string{images + "tool"}, map[string]string{"tool": "#!/bin/sh"}},
		"not packed":                 {func(s *rpmbuild.Spec) { s.Compressor = "none" }, []string{images + "tool"}, map[string]string{"tool": "#!/bin/sh"}},
		"not packed, and not said": {func(s *rpmbuild.Spec) {
			s.Compressor = "none"
			s.Tags = map[int]any{1125: nil}
		}, []string{images + "tool"}, map[string]string{"tool": "#!/bin/sh"}},
		"an old one": {func(s *rpmbuild.Spec) { // no digest of the payload, no sha256 of the header
			s.Tags, s.SigTags = map[int]any{5092: nil, 5093: nil}, map[int]any{273: nil}
		}, []string{images + "tool"}, map[string]string{"tool": "#!/bin/sh"}},
		"an absolute link": {func(s *rpmbuild.Spec) { s.Files[2].Link = images + "overcloud-full-13.0.tar" }, []string{images + "*latest*"}, map[string]string{"overcloud-full-latest.tar": "disk image"}},
		"a link to a link": {func(s *rpmbuild.Spec) {
			s.Files = append(s.Files, rpmbuild.File{Path: "/images.tar", Link: "./" + images[1:] + "overcloud-full-latest.tar"})
		}, []string{"/images.tar"}, map[string]string{"images.tar": "disk image"}},
		"the first of hard links": {func(s *rpmbuild.Spec) {
			s.Files[1].Inode = 7
			s.Files = append(s.Files, rpmbuild.File{Path: images + "same", Body: "disk image", Inode: 7})
		}, []string{images + "*full-13.0.tar"}, map[string]string{"overcloud-full-13.0.tar": "disk image"}},
		"large sizes": {func(s *rpmbuild.Spec) {
			s.Tags = map[int]any{1028: nil, 5008: []uint64{0, 10, 23, 9, 0}}
		}, []string{images + "tool"}, map[string]string{"tool": "#!/bin/sh"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := imageSpec()
			if tt.change != nil {
				tt.change(&s)
			}
			got, err := unpack(t, rpmbuild.Build(s), tt.patterns...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStripped(t *testing.T) {
	s := imageSpec()
	s.Files[1].Inode = 7
	s.Files = append(s.Files, rpmbuild.File{Path: images + "same", Body: "disk image", Inode: 7})
	s.Payload = func([]byte) []byte {
		var out bytes.Buffer
		add := func(index, body string) {
			out.WriteString("07070X" + index + "\x00\x00" + body)
			out.Write(make([]byte, -len(body)&3))
		}
		add("00000001", "") // its content comes with its last name
		add("00000002", "overcloud-full-13.0.tar")
		add("00000003", "#!/bin/sh")
		add("00000005", "disk image")
		rpmbuild.Entry(&out, "TRAILER!!!", 0, "")
		return out.Bytes()
	}
	got, err := unpack(t, rpmbuild.Build(s), images+"tool", images+"*13.0.tar")
	if diff := cmp.Diff(map[string]string{"tool": "#!/bin/sh", "overcloud-full-13.0.tar": "disk image"}, got); diff != "" || err != nil {
		t.Errorf("files (-want +got):\n%s%v", diff, err)
	}
}

func TestSelect(t *testing.T) {
	tests := map[string]struct {
		files    []rpmbuild.File
		patterns []string
		err      string
		hint     string
	}{
		"nothing fits": {
			[]rpmbuild.File{{Path: "/a", Body: "a"}}, []string{"/b*"}, `it has no file "/b*"`, "it has /a",
		},
		"one of two does not fit": {
			[]rpmbuild.File{{Path: "/a", Body: "a"}}, []string{"/a", "/b"}, `it has no file "/b"`, "it has /a",
		},
		"a star is not a slash": {
			[]rpmbuild.File{{Path: "/d/a", Body: "a"}}, []string{"/*"}, `it has no file "/*"`, "it has /d/a",
		},
		"a package of nothing": {nil, []string{"/a"}, `it has no file "/a"`, "it has no files at all"},
		"only a directory":     {[]rpmbuild.File{{Path: "/d", Mode: 0o040755}}, []string{"/d"}, "the patterns match no regular files", ""},
		"a device":             {[]rpmbuild.File{{Path: "/null", Mode: 0o020666}}, []string{"/null"}, "the patterns match no regular files", ""},
		"one name twice": {
			[]rpmbuild.File{{Path: "/a/f", Body: "1"}, {Path: "/b/f", Body: "2"}},
			[]string{"/*/f"},
			`"/a/f" and "/b/f" have the same name; select one of them`, "",
		},
		"one file twice": {
			[]rpmbuild.File{{Path: "/a", Body: "1", Inode: 5}, {Path: "/b", Body: "1", Inode: 5}},
			[]string{"/*"},
			`"/a" and "/b" are the same file; select one of them`, "",
		},
		"two links to a file": {
			[]rpmbuild.File{{Path: "/d/f", Body: "1"}, {Path: "/a", Link: "d/f"}, {Path: "/b", Link: "d/f"}},
			[]string{"/*"},
			`"/a" and "/b" are the same file; select one of them`, "",
		},
		"a link out of the package": {[]rpmbuild.File{{Path: "/a", Link: "/etc/passwd"}}, []string{"/a"}, `"/a" is a symbolic link to "/etc/passwd", which is not in the package`, ""},
		"a link upwards":            {[]rpmbuild.File{{Path: "/d/a", Link: "../../../etc/passwd"}}, []string{"/d/a"}, `"/d/a" is a symbolic link to "/etc/passwd", which is not`, ""},
		"a link to a directory":     {[]rpmbuild.File{{Path: "/d", Mode: 0o040755}, {Path: "/a", Link: "d"}}, []string{"/a"}, "not to a regular file", ""},
		"links in a circle":         {[]rpmbuild.File{{Path: "/a", Link: "b"}, {Path: "/b", Link: "a"}}, []string{"/a"}, "too many levels of symbolic links", ""},
		"what is not in it":         {[]rpmbuild.File{{Path: "/a", Body: "a", Ghost: true}}, []string{"/a"}, "is a ghost file", ""},
		"no pattern":                {[]rpmbuild.File{{Path: "/a", Body: "a"}}, []string{"/[a"}, `"/[a" is not a valid pattern`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := unpack(t, rpmbuild.Build(rpmbuild.Spec{Name: "p", Version: "1", Release: "1", Arch: "noarch", Files: tt.files}), tt.patterns...)
			if err == nil || !strings.Contains(err.Error(), tt.err) || fault.Hint(err) != tt.hint {
				t.Errorf("got %v (hint %q), want %q (%q)", err, fault.Hint(err), tt.err, tt.hint)
			}
		})
	}
}

func TestHostilePackages(t *testing.T) {
	bodies := func(change func(*bytes.Buffer)) func([]byte) []byte {
		return func([]byte) []byte {
			var out bytes.Buffer
			change(&out)
			rpmbuild.Entry(&out, "TRAILER!!!", 0, "")
			return out.Bytes()
		}
	}
	entry := func(name, body string) func([]byte) []byte {
		return bodies(func(out *bytes.Buffer) { rpmbuild.Entry(out, name, 0o100644, body) })
	}
	tags := func(tag int, v any) func(*rpmbuild.Spec) {
		return func(s *rpmbuild.Spec) { s.Tags = map[int]any{tag: v} }
	}
	payload := func(f func([]byte) []byte) func(*rpmbuild.Spec) {
		return func(s *rpmbuild.Spec) { s.Payload = f }
	}
	packed := func(f func([]byte) []byte) func(*rpmbuild.Spec) {
		return func(s *rpmbuild.Spec) { s.Packed = f }
	}
	unsummed := func(f func([]byte) []byte) func(*rpmbuild.Spec) { // nothing but the archive itself can tell
		return func(s *rpmbuild.Spec) {
			s.Packed, s.Compressor = f, "none"
			s.Tags, s.SigTags = map[int]any{5092: nil, 5093: nil}, map[int]any{1000: nil, 1004: nil}
		}
	}
	tests := map[string]struct {
		change func(*rpmbuild.Spec)
		err    string
	}{
		"a base name with a slash":       {tags(1117, []string{"d", "../../f", "l", "t", "e"}), `a file cannot be called "../../f"`},
		"a base name upwards":            {tags(1117, []string{"d", "..", "l", "t", "e"}), `a file cannot be called ".."`},
		"a base name of nothing":         {tags(1117, []string{"d", "", "l", "t", "e"}), `a file cannot be called ""`},
		"a base name with ESC":           {tags(1117, []string{"d", "\x1b[2J", "l", "t", "e"}), `is not a valid path`},
		"a base name that is not UTF-8":  {tags(1117, []string{"d", "\xff", "l", "t", "e"}), `is not a valid path`},
		"a directory upwards":            {tags(1118, []string{"/usr/share/", "/usr/../../"}), "is not a valid path"},
		"a relative directory":           {tags(1118, []string{"/usr/share/", "usr/"}), `"usr/" is not the path of a directory`},
		"a directory that is a name":     {tags(1118, []string{"/usr/share/", "/usr"}), `"/usr" is not the path of a directory`},
		"a directory that is not there":  {tags(1116, []uint32{0, 1, 9, 1, 1}), "is in a directory that it does not list"},
		"fewer sizes than files":         {tags(1028, []uint32{1}), "the tag 1028 has 1 values for 5 files"},
		"fewer digests than files":       {tags(1035, []string{"x"}), "the tag 1035 has 1 values for 5 files"},
		"fewer links than files":         {tags(1036, []string{"x"}), "the tag 1036 has 1 values for 5 files"},
		"fewer modes than files":         {tags(1030, []uint16{1}), "the tag 1030 has 1 values for 5 files"},
		"no flags":                       {tags(1037, nil), "the tag 1037 is missing"},
		"a size below nothing":           {tags(5008, []uint64{0, 1 << 63, 0, 0, 0}), "has the value"},
		"numbers for names":              {tags(1117, []uint32{1, 2, 3, 4, 5}), "it has no file"},
		"text for sizes":                 {tags(1028, "x"), "is not a number"},
		"a name with a slash":            {tags(1000, "../p"), `the package's name has the invalid part "../p"`},
		"a name of two lines":            {tags(1000, "a\nb"), `the package's name has the invalid part "a\nb"`},
		"no name":                        {tags(1000, nil), "the tag 1000 is missing"},
		"files of nobody":                {tags(1035, []string{"", "", "", "", ""}), "has no SHA-256 in the package"},
		"MD5 only":                       {tags(5011, []uint32{1}), "has no SHA-256 in the package"},
		"an unknown archive":             {tags(1124, "drpm"), `its payload is "drpm"; only cpio is supported`},
		"an unknown compressor":          {tags(1125, "lzip"), `its payload is compressed by "lzip"`},
		"another compressor":             {tags(1125, "xz"), "its payload is not xz"},
		"another payload by its digest":  {tags(5092, []string{strings.Repeat("0", 64)}), "its payload is damaged: its sha256 is"},
		"a damaged header":               {func(s *rpmbuild.Spec) { s.SigTags = map[int]any{273: strings.Repeat("0", 64)} }, "its header is damaged"},
		"a header damaged by SHA-1":      {func(s *rpmbuild.Spec) { s.SigTags = map[int]any{269: strings.Repeat("0", 40)} }, "its header is damaged"},
		"no digests at all":              {func(s *rpmbuild.Spec) { s.SigTags = map[int]any{269: nil, 273: nil, 1004: nil} }, "it has no digest of itself"},
		"another md5":                    {func(s *rpmbuild.Spec) { s.SigTags = map[int]any{1004: make([]byte, 16)} }, "it does not have the md5"},
		"another size":                   {func(s *rpmbuild.Spec) { s.SigTags = map[int]any{1000: []uint32{1}} }, "bytes, but the package states 1"},
		"more behind it":                 {packed(func(b []byte) []byte { return append(b, "more"...) }), "its payload is"},
		"cut":                            {packed(func(b []byte) []byte { return b[:len(b)/2] }), "the package is truncated"},
		"cut within a file":              {unsummed(func(b []byte) []byte { return b[:300] }), "the package is truncated"},
		"cut before its end":             {unsummed(func(b []byte) []byte { return b[:len(b)-124] }), "the package is truncated"},
		"a changed byte":                 {unsummed(func(b []byte) []byte { return bytes.Replace(b, []byte("disk"), []byte("risk"), 1) }), `overcloud-full-13.0.tar" is damaged: its sha256 is`},
		"a file that is not listed":      {payload(entry("./etc/passwd", "root")), `its payload has "./etc/passwd", but its header has not`},
		"a file upwards":                 {payload(entry("./usr/share/../../etc/passwd", "root")), "its header has not"},
		"a longer file":                  {payload(entry("."+images+"overcloud-full-13.0.tar", "disk image, longer")), "its payload lacks"},
		"a huge file":                    {payload(entry("."+images+"overcloud-full-13.0.tar", strings.Repeat("x", 3<<20))), "its payload is larger than its header says"},
		"a file less":                    {payload(bodies(func(*bytes.Buffer) {})), "its payload lacks"},
		"no archive":                     {payload(func([]byte) []byte { return []byte("hello, world") }), `an entry begins with "hello,"`},
		"an entry of nonsense":           {payload(func([]byte) []byte { return []byte("070701" + strings.Repeat("z", 104)) }), "an entry has an invalid header"},
		"an endless name":                {payload(func([]byte) []byte { return []byte("070701" + strings.Repeat("f", 104)) }), "an entry has an invalid header"},
		"a number of no file":            {payload(func([]byte) []byte { return []byte("07070X00000009\x00\x00") }), "a file that its header has not"},
		"a number of nonsense":           {payload(func([]byte) []byte { return []byte("07070Xzzzzzzzz\x00\x00") }), "a file that its header has not"},
		"a bomb behind the last of them": {payload(func(b []byte) []byte { return append(b, make([]byte, 8<<20)...) }), "its payload is larger than its header says"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := imageSpec()
			tt.change(&s)
			got, err := unpack(t, rpmbuild.Build(s), images+"*13.0.tar")
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, %v, want %q", got, err, tt.err)
			}
		})
	}
}

func TestNoPackages(t *testing.T) {
	good := rpmbuild.Build(imageSpec())
	table := func(change func([]byte)) []byte {
		b := bytes.Clone(good)
		change(b)
		return b
	}
	for name, tt := range map[string]struct {
		b   []byte
		err string
	}{
		"nothing":            {nil, "the package is truncated"},
		"a page":             {[]byte(strings.Repeat("<html>", 100)), "it is not an RPM package"},
		"only a lead":        {good[:96], "the package is truncated"},
		"half a header":      {good[:200], "the package is truncated"},
		"no header":          {table(func(b []byte) { b[96] = 0 }), "it has no header magic"},
		"2^32 entries":       {table(func(b []byte) { copy(b[104:], "\xff\xff\xff\xff") }), "are above the limits"},
		"4 GiB of header":    {table(func(b []byte) { copy(b[108:], "\xff\xff\xff\xff") }), "are above the limits"},
		"a tag points far":   {table(func(b []byte) { copy(b[96+16+16+8:], "\x7f\xff\xff\xff") }), "points outside"},
		"a tag twice":        {table(func(b []byte) { copy(b[96+16+16:96+16+20], b[96+16+32:]) }), "occurs twice"},
		"a count of 4 billi": {table(func(b []byte) { copy(b[96+16+16+12:], "\xff\xff\xff\xff") }), ""},
	} {
		_, err := Read(bytes.NewReader(tt.b))
		if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %v, want %q", name, err, tt.err)
		}
	}
}

// Truncated packages and changed bytes are refused, or have no effect.
func TestEveryByteCounts(t *testing.T) {
	good := rpmbuild.Build(imageSpec())
	for n := 0; n < len(good); n += 7 {
		if got, err := unpack(t, good[:n], images+"*13.0.tar"); err == nil {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(good), got)
		}
	}
	for i := 0; i < len(good); i += 3 {
		b := bytes.Clone(good)
		b[i] ^= 0x10
		got, err := unpack(t, b, images+"*13.0.tar")
		if err == nil && got["overcloud-full-13.0.tar"] != "disk image" {
			t.Fatalf("byte %d changed: %q", i, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(rpmbuild.Build(imageSpec()))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := unpack(t, b, images+"*")
		if err == nil && len(got) == 0 {
			t.Error("neither a file nor an error")
		}
	})
}

// fakeKeys accept one signature, sig, for content that ends in data.
type fakeKeys struct{ data, sig string }

func (k fakeKeys) Packet(r io.Reader, sig []byte) error {
	b, err := io.ReadAll(r)
	if err == nil && (string(sig) != k.sig || !strings.HasSuffix(string(b), k.data)) {
		err = errors.New("signed by another")
	}
	return err
}

func TestCheckSignature(t *testing.T) {
	rest := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("payload")), nil }
	for name, tt := range map[string]struct {
		tags map[int]any
		keys fakeKeys
		err  string
	}{
		"of the header":             {map[int]any{268: []byte("good")}, fakeKeys{"", "good"}, ""},
		"of the header, the second": {map[int]any{268: []byte("bad"), 267: []byte("good")}, fakeKeys{"", "good"}, ""},
		"of version 6":              {map[int]any{278: []string{"Z29vZA=="}}, fakeKeys{"", "good"}, ""},
		"of all of it":              {map[int]any{1002: []byte("good")}, fakeKeys{"payload", "good"}, ""},
		"of another":                {map[int]any{268: []byte("bad")}, fakeKeys{"", "good"}, "signed by another"},
		"of all, by another":        {map[int]any{1005: []byte("bad")}, fakeKeys{"payload", "good"}, "signed by another"},
		"a bad one is not saved by a good one of another kind": {map[int]any{268: []byte("bad"), 1002: []byte("good")}, fakeKeys{"payload", "good"}, "signed by another"},
		"none": {nil, fakeKeys{}, "it is not signed"},
	} {
		s := imageSpec()
		s.SigTags = tt.tags
		p, err := Read(bytes.NewReader(rpmbuild.Build(s)))
		if err != nil {
			t.Fatal(name, err)
		}
		err = p.CheckSignature(tt.keys, rest)
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %v, want %q", name, err, tt.err)
		}
	}
}

func packXZ(b []byte) []byte {
	var out bytes.Buffer
	w, err := xz.NewWriter(&out)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}
