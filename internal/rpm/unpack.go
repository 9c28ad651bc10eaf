package rpm

import (
	"archive/tar"
	"bufio"
	"cmp"
	"compress/bzip2"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/ulikunitz/xz/lzma"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/readers"
)

// maxWindow is the most memory that decompression may use.
const maxWindow = 128 << 20

// Tar returns the picked files as a tar archive, in the order of the package. Read
// must have left r at the payload. Tar reads r to its end, and the archive gets
// its end mark only if the whole package matches its own digests. Closing the archive
// closes r.
func (p *Package) Tar(ctx context.Context, r io.ReadCloser, picks []Pick) io.ReadCloser {
	pr, pw := io.Pipe()
	go func() {
		w := tar.NewWriter(pw)
		err := p.writeTar(ctx, r, picks, w)
		if err == nil {
			err = w.Close()
		}
		pw.CloseWithError(err)
	}()
	return &stream{pr, r}
}

// A stream is a tar archive that is written while it is read.
type stream struct {
	*io.PipeReader
	from io.Closer
}

func (s *stream) Close() error {
	return errors.Join(s.PipeReader.Close(), s.from.Close())
}

func (p *Package) writeTar(ctx context.Context, r io.Reader, picks []Pick, w *tar.Writer) error {
	check := newPayloadCheck(readers.WithContext(ctx, r), p)
	inside, end, err := p.decompress(bufio.NewReaderSize(check, 256<<10))
	if err != nil {
		return err
	}
	defer end()
	wanted := newPendingPicks(picks)
	in := newCPIO(&limitedReader{inside, p.maxPayload(), errTooLarge}, p.Files)
	for {
		i, size, err := in.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return explain(err)
		}
		pick, ok := wanted.take(p.Files[i], size)
		if !ok {
			continue
		}
		if err := copyFile(w, in, pick, size); err != nil {
			return explain(err)
		}
	}
	if missing := wanted.anyMissing(); missing != "" {
		return fmt.Errorf("its payload lacks %q", missing)
	}
	// The digests of the package include the bytes after the archive.
	_, err = io.Copy(io.Discard, in.r)
	if damaged := check.finish(); damaged != nil {
		return damaged
	}
	return explain(err)
}

// explain turns the error of an early end into one about the package.
func explain(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the package is truncated: its payload ends too early")
	}
	return err
}

// maxPayload returns the largest possible size of the unpacked payload: the files
// in the header, and the overhead of cpio.
func (p *Package) maxPayload() int64 {
	most := int64(1 << 20)
	for _, f := range p.Files {
		most += f.Size + maxCPIOName + 256
		if most < 0 {
			return 1 << 62
		}
	}
	return most
}

var errTooLarge = errors.New("its payload is larger than its header says")

// A limitedReader returns err once its content exceeds the limit.
type limitedReader struct {
	r    io.Reader
	left int64
	err  error
}

func (b *limitedReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, b.err
	}
	return n, err
}

// copyFile writes a file into the archive and checks its digest.
func copyFile(w *tar.Writer, in io.Reader, pick Pick, size int64) error {
	mode := int64(0o644)
	if pick.File.Mode&0o100 != 0 {
		mode = 0o755
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: pick.Name, Size: size, Mode: mode}); err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.CopyBuffer(io.MultiWriter(w, h), struct{ io.Reader }{in}, make([]byte, 256<<10)); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != pick.File.SHA256 {
		return fmt.Errorf("%q is damaged: its sha256 is %s, not %s", pick.File.Path, got, pick.File.SHA256)
	}
	return nil
}

// pendingPicks are the picks that are not unpacked yet.
type pendingPicks struct {
	byPath  map[string]Pick
	byInode map[uint32]Pick
}

func newPendingPicks(picks []Pick) *pendingPicks {
	w := &pendingPicks{map[string]Pick{}, map[uint32]Pick{}}
	for _, p := range picks {
		w.byPath[p.File.Path] = p
		if p.File.inode != 0 {
			w.byInode[p.File.inode] = p
		}
	}
	return w
}

// take removes and returns the pick for an entry with content. The content of hard
// links may be in another entry than the picked one.
func (w *pendingPicks) take(f File, size int64) (Pick, bool) {
	pick, ok := w.byPath[f.Path]
	if !ok && f.inode != 0 && f.Mode.IsRegular() {
		pick, ok = w.byInode[f.inode]
	}
	if !ok || size != pick.File.Size {
		return Pick{}, false // anyMissing reports a pick without an entry
	}
	delete(w.byPath, pick.File.Path)
	delete(w.byInode, pick.File.inode)
	return pick, true
}

func (w *pendingPicks) anyMissing() string {
	for path := range w.byPath {
		return path
	}
	return ""
}

// cpioPrefix is how an uncompressed payload begins.
const cpioPrefix = "0707"

// decompress returns the uncompressed payload. The header names the compression.
// If it does not, the payload is gzip or not compressed.
func (p *Package) decompress(r *bufio.Reader) (out io.Reader, end func(), err error) {
	end = func() {}
	kind := p.compressor
	if head, _ := r.Peek(len(cpioPrefix)); kind == "" && string(head) == cpioPrefix {
		kind = "none"
	}
	switch cmp.Or(kind, "gzip") {
	case "gzip":
		out, err = gzip.NewReader(r)
	case "zstd":
		out, end, err = archive.Zstd(r, maxWindow)
	case "xz":
		out, err = newXZ(r)
	case "lzma":
		out, err = newLZMA(r)
	case "bzip2":
		out = bzip2.NewReader(r)
	case "none", "uncompressed", "identity":
		return r, end, nil
	default:
		return nil, nil, fault.WithHint(fmt.Errorf("its payload is compressed by %q", p.compressor), "gzip, xz, zstd, lzma and bzip2 are supported")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("its payload is not %s: %w", p.compressor, err)
	}
	return out, end, nil
}

// xzMagic is how an xz stream begins; lzmaHeader is the length of lzma's header.
const (
	xzMagic    = "\xfd7zXZ\x00"
	lzmaHeader = 13
)

func newXZ(r *bufio.Reader) (io.Reader, error) {
	head, _ := r.Peek(len(xzMagic))
	if !strings.HasPrefix(string(head), xzMagic) {
		return nil, errors.New("it has no xz magic")
	}
	return archive.XZ(r, maxWindow)
}

// newLZMA checks the size of the dictionary before the decoder allocates it.
func newLZMA(r *bufio.Reader) (io.Reader, error) {
	head, err := r.Peek(lzmaHeader)
	if err != nil {
		return nil, truncated(err)
	}
	size := uint32(head[1]) | uint32(head[2])<<8 | uint32(head[3])<<16 | uint32(head[4])<<24
	if size > maxWindow {
		return nil, fmt.Errorf("it needs a dictionary of %d bytes", size)
	}
	return lzma.NewReader(r)
}
