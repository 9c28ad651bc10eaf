package cloudserver

import (
	"crypto/md5"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"mime"
	"net/http"
	"syscall"
)

// dataType is the content type of image data.
const dataType = "application/octet-stream"

// copySize is how many bytes of a body are read at a time.
const copySize = 1 << 20

// putData stores the data of an image. After any error the image is queued again,
// as it was before.
func (c *Cloud) putData(w http.ResponseWriter, r *http.Request) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != dataType {
		return refuse(http.StatusUnsupportedMediaType, "the content type of data must be %s", dataType)
	}
	id := r.PathValue("id")
	i, err := c.images.beginUpload(id)
	if err != nil {
		return err
	}
	defer c.images.abandonUpload(id) // no effect once the image is active
	u, err := c.images.store.create(id)
	if err != nil {
		return err
	}
	defer u.abort()
	found, err := receive(u, r)
	if err != nil {
		return err
	}
	found.VirtualSize = found.virtualSize(i.DiskFormat)
	err = c.images.finishUpload(id, u, func(i *image) {
		i.Status, i.Data, i.Updated = active, &found.contents, c.conf.Now().UTC()
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// received describes uploaded data.
type received struct {
	contents
	head head
}

// receive copies the whole body to u and seals u.
func receive(u upload, r *http.Request) (*received, error) {
	got := &received{}
	sum5, sum512 := md5.New(), sha512.New()
	body := &bodyReader{r: r.Body}
	n, err := io.CopyBuffer(io.MultiWriter(u, sum5, sum512, &got.head), body, make([]byte, copySize))
	switch {
	case body.err != nil:
		return nil, refuse(http.StatusBadRequest, "the data ended after %d bytes: %v", n, body.err)
	case err != nil:
		return nil, storeError(err)
	case r.ContentLength >= 0 && n != r.ContentLength:
		return nil, refuse(http.StatusBadRequest, "the data have %d bytes, but Content-Length is %d", n, r.ContentLength)
	}
	got.Size, got.MD5, got.SHA512 = n, hexSum(sum5), hexSum(sum512)
	return got, storeError(u.seal())
}

// storeError turns the error of a full disk into one for the client.
func storeError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return refuse(http.StatusRequestEntityTooLarge, "there is no space left for the data: %v", err)
	}
	return err
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// A bodyReader keeps its error, to distinguish a truncated body from a full disk.
type bodyReader struct {
	r   io.Reader
	err error
}

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// A head keeps the first bytes that are written to it.
type head struct {
	bytes [32]byte
	n     int
}

func (h *head) Write(p []byte) (int, error) {
	h.n += copy(h.bytes[h.n:], p)
	return len(p), nil
}

// virtualSize returns the size of the disk in the data, if their format is one
// that shows it.
func (r *received) virtualSize(format string) *int64 {
	switch format {
	case "raw":
		return &r.Size
	case "qcow2":
		if h := r.head; h.n == len(h.bytes) && string(h.bytes[:4]) == "QFI\xfb" {
			size := int64(binary.BigEndian.Uint64(h.bytes[24:])) //nolint:gosec // only shown
			return &size
		}
	}
	return nil
}

// getData sends the data of an image, whole or in part.
func (c *Cloud) getData(w http.ResponseWriter, r *http.Request) error {
	i, err := c.images.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	if i.Status != active {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	data, err := c.images.store.open(i.ID)
	if err != nil {
		return err
	}
	defer data.Close()
	w.Header().Set("Content-Type", dataType)
	w.Header().Set("Content-MD5", i.Data.MD5)
	http.ServeContent(w, r, "", i.Updated, data)
	return nil
}
