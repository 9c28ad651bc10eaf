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

// dataType is the content type of all data.
const dataType = "application/octet-stream"

// copySize is how much of a body is read at once.
const copySize = 1 << 20

// putData takes the data of an image. Whatever goes wrong, the image is queued
// again and the next attempt finds it as this one did.
func (c *Cloud) putData(w http.ResponseWriter, r *http.Request) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != dataType {
		return refuse(http.StatusUnsupportedMediaType, "the content type of data has to be %s", dataType)
	}
	id := r.PathValue("id")
	i, err := c.images.begin(id)
	if err != nil {
		return err
	}
	defer c.images.giveUp(id) // does nothing once the image is active
	u, err := c.images.back.create(id)
	if err != nil {
		return err
	}
	defer u.abort()
	found, err := receive(u, r)
	if err != nil {
		return err
	}
	found.VirtualSize = found.virtual(i.DiskFormat)
	err = c.images.finish(id, u, func(i *image) {
		i.Status, i.Data, i.Updated = active, &found.contents, c.conf.Now().UTC()
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// received is what was found out about data while they came in.
type received struct {
	contents
	head head
}

// receive reads the body to its end into u and seals u.
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
		return nil, refuse(http.StatusBadRequest, "%d bytes of data came, and Content-Length says %d", n, r.ContentLength)
	}
	got.Size, got.MD5, got.SHA512 = n, hexSum(sum5), hexSum(sum512)
	return got, storeError(u.seal())
}

// storeError tells a full disk, which the caller may know what to do about,
// from other trouble.
func storeError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return refuse(http.StatusRequestEntityTooLarge, "there is no space left for the data: %v", err)
	}
	return err
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// A bodyReader remembers its error, to tell a cut body from a full disk.
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

// virtual is the size of the disk that the data hold, as far as their format
// says.
func (r *received) virtual(format string) *int64 {
	switch format {
	case "raw":
		return &r.Size
	case "qcow2":
		if h := r.head; h.n == len(h.bytes) && string(h.bytes[:4]) == "QFI\xfb" {
			size := int64(binary.BigEndian.Uint64(h.bytes[24:])) //nolint:gosec // shown, never used
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
	data, err := c.images.back.open(i.ID)
	if err != nil {
		return err
	}
	defer data.Close()
	w.Header().Set("Content-Type", dataType)
	w.Header().Set("Content-MD5", i.Data.MD5)
	http.ServeContent(w, r, "", i.Updated, data)
	return nil
}
