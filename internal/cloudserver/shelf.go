package cloudserver

import (
	"fmt"
	"io"
	"net/http"
	"sync"
)

// A shelf holds what is known of all images, in memory, and writes every
// change through to its store before anybody can see it.
type shelf struct {
	// The mutex is held for one look-up, or for one durable save; requests
	// come on goroutines of their own, so there is no one to own the books.
	mu      sync.Mutex
	images  map[string]image
	deleted map[string]bool
	back    store
	closed  bool
}

var errClosed = &refusal{http.StatusServiceUnavailable, "the cloud is closed"}

// A store keeps images for longer than a shelf lives, or pretends to.
type store interface {
	// load gives all that was saved, the deleted ones as no more than an id.
	load() ([]image, error)
	// save keeps what is known of an image; it is durable when it returns.
	save(i image) error
	// remove forgets the data and everything but the id.
	remove(id string) error
	// create takes new data for an image. They are kept by commit only.
	create(id string) (upload, error)
	// open gives the data of an image.
	open(id string) (io.ReadSeekCloser, error)
	close() error
}

// An upload takes the data of an image.
type upload interface {
	io.Writer
	// seal ends the writing. It may take long: all data reach the disk.
	seal() error
	// commit puts sealed data in their place; they are kept when it returns.
	commit() error
	// abort drops the data. After commit it does nothing.
	abort()
}

func newShelf(back store) (*shelf, error) {
	list, err := back.load()
	if err != nil {
		return nil, err
	}
	s := &shelf{images: map[string]image{}, deleted: map[string]bool{}, back: back}
	for _, i := range list {
		if i.Status == deleted {
			s.deleted[i.ID] = true
			continue
		}
		s.images[i.ID] = i
	}
	return s, nil
}

func errNoImage(id string) error {
	return refuse(http.StatusNotFound, "there is no image with the id %q", id)
}

func (s *shelf) get(id string) (image, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.images[id]
	if !ok {
		return i, errNoImage(id)
	}
	return i, nil
}

// close gives the store free. Nothing is written any more, not even by an
// upload that is still running.
func (s *shelf) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.back.close()
}

// save writes one image through to the store.
func (s *shelf) save(i image) error {
	if s.closed {
		return errClosed
	}
	if err := s.back.save(i); err != nil {
		return fmt.Errorf("saving image %q: %w", i.ID, err)
	}
	s.images[i.ID] = i
	return nil
}

// all gives every image, in no order.
func (s *shelf) all() []image {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]image, 0, len(s.images))
	for _, i := range s.images {
		list = append(list, i)
	}
	return list
}

// add puts up a new image. An id is good for once, ever.
func (s *shelf) add(i image) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.images[i.ID]; ok || s.deleted[i.ID] {
		return refuse(http.StatusConflict, "an image with the id %q exists already, or did once", i.ID)
	}
	return s.save(i)
}

// update changes an image, wholly or not at all.
func (s *shelf) update(id string, change func(*image) error) (image, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.images[id]
	if !ok {
		return old, errNoImage(id)
	}
	i := old.clone()
	if err := change(&i); err != nil {
		return old, err
	}
	if err := s.save(i); err != nil {
		return old, err
	}
	return i, nil
}

// remove deletes an image, also one that is being uploaded.
func (s *shelf) remove(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.images[id]
	if !ok {
		return errNoImage(id)
	}
	if i.Protected {
		return refuse(http.StatusForbidden, "image %q is protected and cannot be deleted", id)
	}
	if s.closed {
		return errClosed
	}
	if err := s.back.remove(id); err != nil {
		return fmt.Errorf("deleting image %q: %w", id, err)
	}
	delete(s.images, id)
	s.deleted[id] = true
	return nil
}

// begin marks an image as saving, if it can take data.
func (s *shelf) begin(id string) (image, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.images[id]
	switch {
	case s.closed:
		return i, errClosed
	case !ok:
		return i, errNoImage(id)
	case i.Status != queued:
		return i, refuse(http.StatusConflict, "image %q is %s; only a queued image takes data", id, i.Status)
	case i.DiskFormat == "" || i.ContainerFormat == "":
		return i, refuse(http.StatusBadRequest, "image %q has no disk_format or no container_format yet; set both before the data", id)
	}
	i.Status = saving
	s.images[id] = i
	return i, nil
}

// giveUp makes an image that was saving queued again.
func (s *shelf) giveUp(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.images[id]; ok && i.Status == saving {
		i.Status = queued
		s.images[id] = i
	}
}

// finish keeps the data of an image and makes it active. An image that was
// deleted meanwhile is gone, and its data with it.
func (s *shelf) finish(id string, u upload, change func(*image)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.images[id]
	if !ok {
		return refuse(http.StatusGone, "image %q was deleted while its data came in", id)
	}
	if s.closed {
		return errClosed
	}
	i = i.clone()
	change(&i)
	// Data first: a record never speaks of data that are not there.
	if err := u.commit(); err != nil {
		return fmt.Errorf("keeping the data of image %q: %w", id, err)
	}
	return s.save(i)
}
