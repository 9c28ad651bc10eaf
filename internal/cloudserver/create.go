package cloudserver

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

// postImage creates an image without data.
func (c *Cloud) postImage(w http.ResponseWriter, r *http.Request) error {
	var body map[string]json.RawMessage
	if err := readJSON(r, &body); err != nil {
		return err
	}
	i, err := c.newImage(body)
	if err != nil {
		return err
	}
	if err := c.images.add(i); err != nil {
		return err
	}
	w.Header().Set("Location", baseURL(r)+imagePath+"/v2/images/"+i.ID)
	w.Header().Set("OpenStack-image-store-ids", storeName)
	return writeJSON(w, http.StatusCreated, i.show())
}

func (c *Cloud) newImage(body map[string]json.RawMessage) (image, error) {
	now := c.conf.Now().UTC()
	i := image{Status: queued, Visibility: "shared", Owner: c.projectID(), Created: now, Updated: now}
	if value, ok := body["id"]; ok {
		if err := decode("id", value, &i.ID); err != nil {
			return i, err
		}
		delete(body, "id")
	} else {
		i.ID = c.conf.NewID()
	}
	if !isUUID(i.ID) {
		return i, refuse(http.StatusBadRequest, "the id of an image must be a UUID; %q is not", i.ID)
	}
	// Glance does not refuse these two here, but ignores them.
	delete(body, "os_hash_algo")
	delete(body, "os_hash_value")
	for _, name := range slices.Sorted(maps.Keys(body)) {
		if err := mayBeSet(name); err != nil {
			return i, err
		}
		if err := c.set(&i, name, body[name]); err != nil {
			return i, err
		}
	}
	return i, nil
}

func (c *Cloud) getImage(w http.ResponseWriter, r *http.Request) error {
	i, err := c.images.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, i.show())
}

func (c *Cloud) deleteImage(w http.ResponseWriter, r *http.Request) error {
	if err := c.images.remove(r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
