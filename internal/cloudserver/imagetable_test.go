package cloudserver

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// A faultyStore fails at one of its operations, chosen by number.
type faultyStore struct {
	store
	left  int
	cause error
}

func (f *faultyStore) fail() error {
	if f.left--; f.left == -1 {
		return f.cause
	}
	return nil
}

func (f *faultyStore) save(i image) error { return errors.Join(f.fail(), f.store.save(i)) }

func (f *faultyStore) create(id string) (upload, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	u, err := f.store.create(id)
	return &faultyUpload{u, f}, err
}

type faultyUpload struct {
	upload
	store *faultyStore
}

func (u *faultyUpload) Write(p []byte) (int, error) {
	if err := u.store.fail(); err != nil {
		return 0, err
	}
	return u.upload.Write(p)
}

func (u *faultyUpload) seal() error { return errors.Join(u.store.fail(), u.upload.seal()) }

func (u *faultyUpload) commit() error {
	if err := u.store.fail(); err != nil {
		return err
	}
	return u.upload.commit()
}

// faultyCloud is a cloud whose store fails at operation number at.
func faultyCloud(t *testing.T, back store, at int, cause error) *Cloud {
	t.Helper()
	c, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if c.images, err = newImageTable(&faultyStore{back, at, cause}); err != nil {
		t.Fatal(err)
	}
	return c
}

const someID = "11111111-1111-4111-8111-111111111111"

// put uploads some data without a socket.
func put(t *testing.T, c *Cloud) error {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "/", io.NopCloser(strings.NewReader("hello")))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", dataType)
	r.ContentLength = -1
	r.SetPathValue("id", someID)
	return c.putData(noAnswer{}, r)
}

type noAnswer struct{ http.ResponseWriter }

func (noAnswer) WriteHeader(int) {}

// Whichever operation of the store fails, an upload is complete or has no effect,
// and can be repeated.
func TestStoreFails(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) store{
		"memory": func(*testing.T) store { return newMemStore() },
		"directory": func(t *testing.T) store {
			s, err := openDirStore(t.TempDir(), false)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.close() })
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			failed := 0
			for at := range 9 {
				back := open(t)
				c := faultyCloud(t, back, at, errors.New("the disk is broken"))
				i := image{ID: someID, Status: queued, DiskFormat: "raw", ContainerFormat: "bare"}
				for c.images.add(i) != nil {
					failed++
				}
				if err := put(t, c); err != nil {
					failed++
					if i, _ := c.images.get(someID); i.Status != queued || i.Data != nil {
						t.Errorf("failed at %d: the image is %s", at, i.Status)
					}
					if err := put(t, c); err != nil {
						t.Errorf("failed at %d: the second attempt: %v", at, err)
					}
				}
				i, err := c.images.get(someID)
				if err != nil || i.Status != active || i.Data.Size != 5 {
					t.Errorf("failed at %d: in the end: %v, %+v", at, err, i)
				}
			}
			if failed != 6 {
				t.Errorf("%d operations failed, want 6: add, create, write, seal, commit, save", failed)
			}
		})
	}
}

func TestDiskFull(t *testing.T) {
	for at, step := range map[int]string{2: "write", 3: "seal"} {
		c := faultyCloud(t, newMemStore(), at, &pathError{syscall.ENOSPC})
		if err := c.images.add(image{ID: someID, Status: queued, DiskFormat: "raw", ContainerFormat: "bare"}); err != nil {
			t.Fatal(err)
		}
		if got := asRefusal(put(t, c)); got.code != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: got %d %v", step, got.code, got)
		}
	}
}

// A pathError wraps its cause, like the errors of package os.
type pathError struct{ cause error }

func (p *pathError) Error() string { return "write images/x: " + p.cause.Error() }
func (p *pathError) Unwrap() error { return p.cause }
