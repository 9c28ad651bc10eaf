package cloudserver

import (
	"fmt"
	"io"
	"net/http"
	"sync"
)

// An imageTable has the records of all images in memory. It writes every change
// to its store before it becomes visible.
type imageTable struct {
	// Each request has its own goroutine, hence the mutex. It is held for one
	// look-up or one durable save.
	mu      sync.Mutex
	images  map[string]image
	deleted map[string]bool
	store   store
	closed  bool
}

var errClosed = &refusal{http.StatusServiceUnavailable, "the cloud is closed"}

// A store keeps images on disk or in memory.
type store interface {
	// load returns all saved images. A deleted image has only its id and status.
	load() ([]image, error)
	// save stores the record of an image durably.
	save(i image) error
	// remove deletes the data and the record of an image, except its id.
	remove(id string) error
	// create starts an upload of an image's data. Only commit stores them.
	create(id string) (upload, error)
	// open opens the data of an image.
	open(id string) (io.ReadSeekCloser, error)
	close() error
}

// An upload takes the data of an image.
type upload interface {
	io.Writer
	// seal ends the writing. It may take long, since it syncs all data.
	seal() error
	// commit stores sealed data durably.
	commit() error
	// abort drops the data. It has no effect after commit.
	abort()
}

func newImageTable(back store) (*imageTable, error) {
	list, err := back.load()
	if err != nil {
		return nil, err
	}
	t := &imageTable{images: map[string]image{}, deleted: map[string]bool{}, store: back}
	for _, i := range list {
		if i.Status == deleted {
			t.deleted[i.ID] = true
			continue
		}
		t.images[i.ID] = i
	}
	return t, nil
}

func errNoImage(id string) error {
	return refuse(http.StatusNotFound, "there is no image with the id %q", id)
}

func (t *imageTable) get(id string) (image, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, ok := t.images[id]
	if !ok {
		return i, errNoImage(id)
	}
	return i, nil
}

// close closes the store. After it nothing is written, not even by an upload that
// is still running.
func (t *imageTable) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	return t.store.close()
}

// save writes one image to the store and to the table.
func (t *imageTable) save(i image) error {
	if t.closed {
		return errClosed
	}
	if err := t.store.save(i); err != nil {
		return fmt.Errorf("saving image %q: %w", i.ID, err)
	}
	t.images[i.ID] = i
	return nil
}

// all returns all images, unordered.
func (t *imageTable) all() []image {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]image, 0, len(t.images))
	for _, i := range t.images {
		list = append(list, i)
	}
	return list
}

// add adds a new image. An id can be used only once, even after its image was
// deleted.
func (t *imageTable) add(i image) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.images[i.ID]; ok || t.deleted[i.ID] {
		return refuse(http.StatusConflict, "an image with the id %q exists or existed before", i.ID)
	}
	return t.save(i)
}

// update changes an image completely or not at all.
func (t *imageTable) update(id string, change func(*image) error) (image, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, ok := t.images[id]
	if !ok {
		return old, errNoImage(id)
	}
	i := old.clone()
	if err := change(&i); err != nil {
		return old, err
	}
	if err := t.save(i); err != nil {
		return old, err
	}
	return i, nil
}

// remove deletes an image, even during an upload.
func (t *imageTable) remove(id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, ok := t.images[id]
	if !ok {
		return errNoImage(id)
	}
	if i.Protected {
		return refuse(http.StatusForbidden, "image %q is protected and cannot be deleted", id)
	}
	if t.closed {
		return errClosed
	}
	if err := t.store.remove(id); err != nil {
		return fmt.Errorf("deleting image %q: %w", id, err)
	}
	delete(t.images, id)
	t.deleted[id] = true
	return nil
}

// beginUpload marks an image as saving, or returns why it cannot take data.
func (t *imageTable) beginUpload(id string) (image, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, ok := t.images[id]
	switch {
	case t.closed:
		return i, errClosed
	case !ok:
		return i, errNoImage(id)
	case i.Status != queued:
		return i, refuse(http.StatusConflict, "image %q is %s; only a queued image takes data", id, i.Status)
	case i.DiskFormat == "" || i.ContainerFormat == "":
		return i, refuse(http.StatusBadRequest, "image %q has no disk_format or no container_format; set both before the upload", id)
	}
	i.Status = saving
	t.images[id] = i
	return i, nil
}

// abandonUpload marks an image that is saving as queued again.
func (t *imageTable) abandonUpload(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i, ok := t.images[id]; ok && i.Status == saving {
		i.Status = queued
		t.images[id] = i
	}
}

// finishUpload stores the data of an image and makes it active. If the image was
// deleted meanwhile, the data are dropped.
func (t *imageTable) finishUpload(id string, u upload, change func(*image)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, ok := t.images[id]
	if !ok {
		return refuse(http.StatusGone, "image %q was deleted during the upload", id)
	}
	if t.closed {
		return errClosed
	}
	i = i.clone()
	change(&i)
	// Data first: a record must never refer to missing data.
	if err := u.commit(); err != nil {
		return fmt.Errorf("storing the data of image %q: %w", id, err)
	}
	return t.save(i)
}
