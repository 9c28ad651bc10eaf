package glance

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
)

// maxTries is how often a request is made, and how often data are sent to one record.
const maxTries = 3

// errStuck says that a record cannot take data any more: the server that wrote them
// died, or the record was deleted. Another record is needed.
var errStuck = errors.New("the record takes no data")

// send sends data to a queued record until the image is active and right. It gives the
// image and the SHA-512 of the data.
//
// The result of the request proves little: the answer of a successful upload may be
// lost, and a body that was cut short may be answered with success. So after every
// attempt the image is read, and its state decides:
//
//	active, size and digest right   done, whatever the error was
//	active, anything else           an error
//	queued                          sent again, if the error may pass
//	still saving after a while      errStuck
//	gone, or any other state        errStuck
func (u *upload) send(ctx context.Context, id string) (Image, string, error) {
	for try := 1; ; try++ {
		sent, putErr := u.put(ctx, id, u.src)
		if err := ctx.Err(); err != nil {
			return Image{}, "", err
		}
		if err := sent.fileError(); err != nil {
			return Image{}, "", err
		}
		img, err := u.waitUntilStable(ctx, id, sent.patience(u.patience))
		switch {
		case errors.Is(err, ErrNotFound):
			return Image{}, "", fmt.Errorf("%w: it was deleted during the upload", errStuck)
		case err != nil:
			return Image{}, "", afterUpload(putErr, err)
		case img.Status == Active:
			sum, _ := sent.sum()
			return img, sum, checkUpload(img, sent, u.src)
		case img.Status != Queued:
			return Image{}, "", afterUpload(putErr, fmt.Errorf("%w: it stays %q", errStuck, img.Status))
		case putErr == nil:
			return Image{}, "", fmt.Errorf("the cloud accepted the data, but the image stays %q", img.Status)
		case try == maxTries || !mayPass(putErr):
			return Image{}, "", putErr
		}
		if err := sleep(ctx, u.pause<<(try-1)); err != nil {
			return Image{}, "", err
		}
	}
}

// afterUpload joins the error of the upload, if there was one, with the error of reading
// the image afterwards.
func afterUpload(putErr, err error) error {
	if putErr == nil {
		return err
	}
	return fmt.Errorf("%w; and then: %w", putErr, err)
}

// waitUntilStable reads an image until it is not in a temporary state any more, or until
// patience is over.
func (u *upload) waitUntilStable(ctx context.Context, id string, patience time.Duration) (Image, error) {
	wait := min(u.pause, 100*time.Millisecond)
	for over := time.Now().Add(patience); ; wait = min(2*wait, u.pause) {
		img, err := u.look(ctx, id)
		moving := img.Status == Saving || img.Status == "uploading" || img.Status == "importing"
		if err != nil || !moving || !time.Now().Before(over) {
			return img, err
		}
		if err := sleep(ctx, wait); err != nil {
			return Image{}, err
		}
	}
}

// checkUpload compares what the cloud reports with what was sent.
func checkUpload(img Image, sent *bodyReader, src source) error {
	sum, all := sent.sum()
	if !all {
		return fmt.Errorf("the cloud made the image active before it had all %d bytes", src.size)
	}
	return checkContent(img, sum, src)
}

// checkContent compares what the cloud reports with data of this SHA-512.
func checkContent(img Image, sum string, src source) error {
	if img.Size != src.size {
		return fmt.Errorf("the cloud holds %d bytes, %d were sent", img.Size, src.size)
	}
	algo, stored := img.HashAlgo, img.Hash
	if algo == "sha512" && stored == sum {
		return nil
	}
	// Either the cloud or the file holds other bytes, or the cloud uses another
	// algorithm. A cloud older than Rocky only has MD5. So the file is read again; it
	// must still hold the same bytes.
	if newHash(algo) == nil || stored == "" {
		algo, stored = "md5", img.MD5
	}
	if stored == "" {
		return errors.New("the cloud gives no digest of the image, so the image cannot be checked")
	}
	sent, err := rehash(src, algo, sum)
	if err == nil && stored != sent {
		err = fmt.Errorf("the cloud holds other bytes than were sent: %s %s, not %s", algo, shorten(stored), shorten(sent))
	}
	return err
}

// rehash gives a digest by another algorithm of data whose SHA-512 is known.
func rehash(src source, algo, sha string) (string, error) {
	h, same := newHash(algo), sha512.New()
	if _, err := io.Copy(io.MultiWriter(h, same), io.NewSectionReader(src.data, 0, src.size)); err != nil {
		return "", err
	}
	if now := hex.EncodeToString(same.Sum(nil)); now != sha {
		return "", fmt.Errorf("the file changed: its sha512 was %s, and is %s now", shorten(sha), shorten(now))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// newHash gives a hash of an algorithm, nil for an unknown one.
func newHash(algo string) hash.Hash {
	switch algo {
	case "sha512":
		return sha512.New()
	case "sha384":
		return sha512.New384()
	case "sha256":
		return sha256.New()
	case "sha224":
		return sha256.New224()
	case "sha1":
		return sha1.New()
	case "md5":
		return md5.New()
	}
	return nil
}

// mayPass reports whether the same request may succeed later. A conflict may pass: it
// means that the record was in the wrong state, and the state is read before data are
// sent again.
func mayPass(err error) bool {
	switch codeOf(err) {
	case http.StatusConflict, http.StatusGone:
		return true
	}
	return err != nil && fault.IsConnection(err)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
