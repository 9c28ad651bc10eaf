package manifests

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"
	"unique"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/manifest"
)

// A Packed manifest waits to be put. It is compressed, because there may be thousands.
type Packed struct {
	Digest string

	mediaType string
	size      int
	packed    []byte
}

// unpackers are far larger than what they read.
var unpackers = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// Manifest gives the manifest for regclient.
func (b Packed) Manifest() (manifest.Manifest, error) {
	raw := make([]byte, b.size)
	unpacker := unpackers.Get().(io.Reader)
	defer unpackers.Put(unpacker)
	if err := unpacker.(flate.Resetter).Reset(bytes.NewReader(b.packed), nil); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(unpacker, raw); err != nil {
		return nil, err
	}
	return manifest.New(manifest.WithRaw(raw), manifest.WithDesc(descriptor.Descriptor{
		MediaType: b.mediaType, Digest: digest.Digest(b.Digest), Size: int64(b.size),
	}))
}

// A Packer compresses manifests: most of each is the same few words. The mutex
// is there because several images are planned at a time, and a writer is far
// larger than what it writes.
type Packer struct {
	mu sync.Mutex
	w  *flate.Writer
}

// Pack compresses a manifest. A nil Packer keeps only its digest.
func (p *Packer) Pack(m manifest.Manifest) (Packed, error) {
	d := Describe(m)
	b := Packed{Digest: d.Digest, mediaType: unique.Make(d.MediaType).Value()}
	if p == nil {
		return b, nil
	}
	raw, err := m.RawBody()
	if err != nil {
		return b, err
	}
	b.size = len(raw)
	b.packed, err = p.compress(raw)
	return b, err
}

func (p *Packer) compress(raw []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out bytes.Buffer
	if p.w == nil {
		var err error
		if p.w, err = flate.NewWriter(nil, flate.BestSpeed); err != nil {
			return nil, err
		}
	}
	p.w.Reset(&out)
	if _, err := p.w.Write(raw); err != nil {
		return nil, err
	}
	if err := p.w.Close(); err != nil {
		return nil, err
	}
	return bytes.Clone(out.Bytes()), nil
}
