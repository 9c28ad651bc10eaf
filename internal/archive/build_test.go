package archive_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// A raw is one tar entry. It is written as it is, without any check.
type raw struct {
	name   string
	flag   byte // '0' when not set
	mode   int64
	body   string
	size   string // the size field as it stands, from body when not set
	link   string
	prefix string
	badSum bool
	v7     bool // without magic
}

// oldFile is the type of regular files in the oldest archives, a zero byte.
const oldFile = 0xff

func (r raw) bytes() []byte {
	var h [512]byte
	if r.flag == 0 {
		r.flag = '0'
	}
	if r.flag == oldFile {
		r.flag = 0
	}
	if r.mode == 0 {
		r.mode = 0o644
	}
	if r.size == "" {
		r.size = fmt.Sprintf("%011o\x00", len(r.body))
	}
	copy(h[0:100], r.name)
	copy(h[100:108], fmt.Sprintf("%07o\x00", r.mode))
	copy(h[108:116], "0000000\x00")
	copy(h[116:124], "0000000\x00")
	copy(h[124:136], r.size)
	copy(h[136:148], "00000000000\x00")
	h[156] = r.flag
	copy(h[157:257], r.link)
	if !r.v7 {
		copy(h[257:265], "ustar\x0000")
		copy(h[329:337], "0000000\x00")
		copy(h[337:345], "0000000\x00")
		copy(h[345:500], r.prefix)
	}
	copy(h[148:156], "        ")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	if r.badSum {
		sum++
	}
	copy(h[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return append(h[:], padded(r.body)...)
}

func padded(body string) []byte {
	b := []byte(body)
	if n := len(b) % 512; n != 0 {
		b = append(b, make([]byte, 512-n)...)
	}
	return b
}

func file(name, body string) raw      { return raw{name: name, body: body} }
func dir(name string) raw             { return raw{name: name, flag: '5', mode: 0o755} }
func link(name, to string) raw        { return raw{name: name, flag: '2', link: to, mode: 0o777} }
func hardlink(name, to string) raw    { return raw{name: name, flag: '1', link: to} }
func special(name string, t byte) raw { return raw{name: name, flag: t} }
func longName(name string) raw {
	return raw{name: "././@LongLink", flag: 'L', body: name + "\x00"}
}

// pax makes an extended header; flag is x for the next entry, g for all.
func pax(flag byte, records map[string]string) raw {
	var b strings.Builder
	keys := make([]string, 0, len(records))
	for k := range records {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		b.WriteString(paxRecord(k, records[k]))
	}
	return raw{name: "PaxHeaders/x", flag: flag, body: b.String()}
}

func paxRecord(key, value string) string {
	rest := " " + key + "=" + value + "\n"
	n := len(rest)
	for len(fmt.Sprint(n))+len(rest) != n {
		n = len(fmt.Sprint(n)) + len(rest)
	}
	return fmt.Sprint(n) + rest
}

// unterminated makes an archive without an end mark.
func unterminated(entries ...raw) []byte {
	var b []byte
	for _, e := range entries {
		b = append(b, e.bytes()...)
	}
	return b
}

// tarball makes a whole archive.
func tarball(entries ...raw) []byte { return append(unterminated(entries...), make([]byte, 1024)...) }

func gz(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func zst(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func xzip(t testing.TB, c xz.WriterConfig, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := c.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// withByteChanged returns a copy of b with one byte changed. A negative index
// counts from the end.
func withByteChanged(b []byte, at int) []byte {
	b = bytes.Clone(b)
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 0x55
	return b
}

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// xzKinds are a tar archive with the file "good", made by xz.
var xzKinds = map[string]string{
	"CRC32":        "/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4Af/AENdADOb7MgA3P0Uib2CFMk7LM1cImMPsT1y6HxH9VsAm/5g7FpQsDc4ByFSwPN3IXrDBfqEwkwo36XG7YTls/c9zdCAqwAAAIidBOIAAVuAEAAAAOTL40Q+MA2LAgAAAAABWVo=",
	"CRC64":        "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4Af/AENdADOb7MgA3P0Uib2CFMk7LM1cImMPsT1y6HxH9VsAm/5g7FpQsDc4ByFSwPN3IXrDBfqEwkwo36XG7YTls/c9zdCAqwAAAPgfF/Nw07HbAAFfgBAAAADyiXLfscRn+wIAAAAABFla",
	"SHA-256":      "/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4Af/AENdADOb7MgA3P0Uib2CFMk7LM1cImMPsT1y6HxH9VsAm/5g7FpQsDc4ByFSwPN3IXrDBfqEwkwo36XG7YTls/c9zdCAqwAAAH5d7bFIENxm7+48aQZ4+iC1Mq7YObd22yWddQl84urzAAF3gBAAAACpDo00tunfHAIAAAAAClla",
	"no check":     "/Td6WFoAAAD/EtlBAgAhARYAAAB0L+Wj4Af/AENdADOb7MgA3P0Uib2CFMk7LM1cImMPsT1y6HxH9VsAm/5g7FpQsDc4ByFSwPN3IXrDBfqEwkwo36XG7YTls/c9zdCAqwAAAAABV4AQAAAAnwshM6gACvwCAAAAAABZWg==",
	"x86 filter":   "/Td6WFoAAATm1rRGAgEEACEBCADSuXTL4Af/AENdADOb7MgA3P0Uib2CFMk7LM1cImMPsT1y6HxH9VsAm/5g7FpQsDc4ByFSwPN3IXrDBfqEwkwo36XG7YTls/c9zdCAqwAAAPgfF/Nw07HbAAFfgBAAAADyiXLfscRn+wIAAAAABFla",
	"delta filter": "/Td6WFoAAATm1rRGAgEDAQMhAQDGOqUI4Af/AGJdADOb7MicfpnJRnWX4HnhpCybB8//3LsdNjmREgbX86W1wA6gY387BCyUlLtbVS0ltBWTs65/2GpvtU9DqQuqF9Z0LAg67f4CrZmAX5vl61nmtdQwSNI+Gt9NoSS9Rc2ce8LgAAAA+B8X83DTsdsAAX6AEAAAAGFfghOxxGf7AgAAAAAEWVo=",
}
