package registry

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/manifest"
)

// A packedManifest is a manifest that waits to be put. It is compressed,
// because there may be thousands.
type packedManifest struct {
	digest, mediaType string
	size              int
	packed            []byte
}

// manifest gives the manifest for regclient.
func (b packedManifest) manifest() (manifest.Manifest, error) {
	raw := make([]byte, b.size)
	if _, err := io.ReadFull(flate.NewReader(bytes.NewReader(b.packed)), raw); err != nil {
		return nil, err
	}
	return manifest.New(manifest.WithRaw(raw), manifest.WithDesc(descriptor.Descriptor{
		MediaType: b.mediaType, Digest: digest.Digest(b.digest), Size: int64(b.size),
	}))
}

// A packer compresses manifests: most of each is the same few words. The mutex
// is there because several images are planned at a time, and a writer is far
// larger than what it writes.
type packer struct {
	mu sync.Mutex
	w  *flate.Writer
}

func (p *packer) pack(raw []byte) ([]byte, error) {
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
