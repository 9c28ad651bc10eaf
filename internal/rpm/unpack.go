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
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz/lzma"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/readers"
)

// window is the most memory that decompressing may take.
const window = 128 << 20

// Tar gives what was picked as a tar archive, in the order of the package. It
// reads the package from r to its very end: only when all of it is as the
// package says of itself does the archive get its end mark. Closing the archive
// closes r. Read must have left r at the payload.
func (p *Package) Tar(ctx context.Context, r io.ReadCloser, picks []Pick) io.ReadCloser {
	pr, pw := io.Pipe()
	go func() {
		w := tar.NewWriter(pw)
		err := p.emit(ctx, r, picks, w)
		if err == nil {
			err = w.Close()
		}
		pw.CloseWithError(err)
	}()
	return &stream{pr, r}
}

// A stream is a tar archive that is made while it is read.
type stream struct {
	*io.PipeReader
	from io.Closer
}

func (s *stream) Close() error {
	return errors.Join(s.PipeReader.Close(), s.from.Close())
}

func (p *Package) emit(ctx context.Context, r io.Reader, picks []Pick, w *tar.Writer) error {
	check := newPayloadCheck(readers.WithContext(ctx, r), p)
	inside, end, err := p.decompress(bufio.NewReaderSize(check, 256<<10))
	if err != nil {
		return err
	}
	defer end()
	wanted := newWanted(picks)
	in := newCPIO(&bounded{inside, p.most(), errTooLarge}, p.Files)
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
	if missing := wanted.missing(); missing != "" {
		return fmt.Errorf("its payload lacks %q", missing)
	}
	// What stands behind the archive belongs to the package too.
	_, err = io.Copy(io.Discard, in.r)
	if damaged := check.finish(); damaged != nil {
		return damaged
	}
	return explain(err)
}

// explain says in which layer reading broke off.
func explain(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the package is cut: its payload ends too early")
	}
	return err
}

// most is how large the payload may be when unpacked: the files that the header
// lists, and what cpio puts around them.
func (p *Package) most() int64 {
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

// bounded ends what is larger than it may be, with an error.
type bounded struct {
	r    io.Reader
	left int64
	err  error
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, b.err
	}
	return n, err
}

// copyFile writes a file into the archive and holds it against its digest.
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

// wanted are the picks that have not come yet.
type wanted struct {
	byPath  map[string]Pick
	byInode map[uint32]Pick
}

func newWanted(picks []Pick) *wanted {
	w := &wanted{map[string]Pick{}, map[uint32]Pick{}}
	for _, p := range picks {
		w.byPath[p.File.Path] = p
		if p.File.inode != 0 {
			w.byInode[p.File.inode] = p
		}
	}
	return w
}

// take gives the pick that an entry has the content of. Of hard links that may
// be another than the one that was asked for.
func (w *wanted) take(f File, size int64) (Pick, bool) {
	pick, ok := w.byPath[f.Path]
	if !ok && f.inode != 0 && f.Mode.IsRegular() {
		pick, ok = w.byInode[f.inode]
	}
	if !ok || size != pick.File.Size {
		return Pick{}, false // then it is missing in the end
	}
	delete(w.byPath, pick.File.Path)
	delete(w.byInode, pick.File.inode)
	return pick, true
}

func (w *wanted) missing() string {
	for path := range w.byPath {
		return path
	}
	return ""
}

// cpioPrefix is how a payload begins that is not packed.
const cpioPrefix = "0707"

// decompress gives the payload as it was before it was packed. What the header
// says of it must be so; where it says nothing, it is gzip or not packed.
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
		var d *zstd.Decoder
		d, err = zstd.NewReader(r, zstd.WithDecoderMaxWindow(window), zstd.WithDecoderLowmem(true))
		if err == nil {
			out, end = d, d.Close
		}
	case "xz":
		out, err = newXZ(r)
	case "lzma":
		out, err = newLZMA(r)
	case "bzip2":
		out = bzip2.NewReader(r)
	case "none", "uncompressed", "identity":
		return r, end, nil
	default:
		return nil, nil, fault.WithHint(fmt.Errorf("its payload is packed with %q", p.compressor), "understood are gzip, xz, zstd, lzma and bzip2")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("its payload is no %s: %w", p.compressor, err)
	}
	return out, end, nil
}

// xzMagic is how an xz stream begins, lzmaHeader how long that of lzma is.
const (
	xzMagic    = "\xfd7zXZ\x00"
	lzmaHeader = 13
)

func newXZ(r *bufio.Reader) (io.Reader, error) {
	head, _ := r.Peek(len(xzMagic))
	if !strings.HasPrefix(string(head), xzMagic) {
		return nil, errors.New("it begins otherwise")
	}
	return archive.XZ(r, window)
}

// newLZMA looks at how large a dictionary is asked for before room is made.
func newLZMA(r *bufio.Reader) (io.Reader, error) {
	head, err := r.Peek(lzmaHeader)
	if err != nil {
		return nil, cut(err)
	}
	size := uint32(head[1]) | uint32(head[2])<<8 | uint32(head[3])<<16 | uint32(head[4])<<24
	if size > window {
		return nil, fmt.Errorf("it asks for a dictionary of %d bytes", size)
	}
	return lzma.NewReader(r)
}
