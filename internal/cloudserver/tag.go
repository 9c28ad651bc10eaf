package cloudserver

import (
	"net/http"
	"slices"
)

func (c *Cloud) putTag(w http.ResponseWriter, r *http.Request) error {
	tag := r.PathValue("tag")
	return c.change(w, r, func(i *image) error { return addTag(i, tag) })
}

func (c *Cloud) deleteTag(w http.ResponseWriter, r *http.Request) error {
	tag := r.PathValue("tag")
	return c.change(w, r, func(i *image) error {
		at := slices.Index(i.Tags, tag)
		if at < 0 {
			return refuse(http.StatusNotFound, "image %q has no tag %q", i.ID, tag)
		}
		i.Tags = slices.Delete(i.Tags, at, at+1)
		return nil
	})
}

// change updates the image of the request and sends an empty answer.
func (c *Cloud) change(w http.ResponseWriter, r *http.Request, change func(*image) error) error {
	_, err := c.images.update(r.PathValue("id"), func(i *image) error {
		i.Updated = c.conf.Now().UTC()
		return change(i)
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
