package cloudserver

import (
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"
)

const patchType = "application/openstack-images-v2.1-json-patch"

// A patchOp is one step of a JSON patch.
type patchOp struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// patchImage changes attributes and properties: all that is asked, or nothing.
func (c *Cloud) patchImage(w http.ResponseWriter, r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != patchType {
		return refuse(http.StatusUnsupportedMediaType, "the content type of a patch has to be %s", patchType)
	}
	var ops []patchOp
	if err := readJSON(r, &ops); err != nil {
		return err
	}
	i, err := c.images.update(r.PathValue("id"), func(i *image) error {
		for _, op := range ops {
			if err := c.apply(i, op); err != nil {
				return err
			}
		}
		i.Updated = c.conf.Now().UTC()
		return nil
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, i.show())
}

func (c *Cloud) apply(i *image, op patchOp) error {
	name, err := pointed(op.Path)
	if err != nil {
		return err
	}
	if name == "id" {
		return refuse(http.StatusForbidden, "%q is read-only", name)
	}
	if err := mayBeSet(name); err != nil {
		return err
	}
	attribute := slices.Contains(writable, name)
	_, there := i.Properties[name]
	switch op.Op {
	case "add":
		return c.setOp(i, name, op.Value)
	case "replace":
		if !attribute && !there {
			return refuse(http.StatusConflict, "property %q cannot be replaced: the image has none", name)
		}
		return c.setOp(i, name, op.Value)
	case "remove":
		return removeOp(i, name)
	}
	return refuse(http.StatusBadRequest, "op has to be add, replace or remove, and is %q", op.Op)
}

func (c *Cloud) setOp(i *image, name string, value json.RawMessage) error {
	if value == nil {
		return refuse(http.StatusBadRequest, "the value for %q is missing", name)
	}
	return c.set(i, name, value)
}

func removeOp(i *image, name string) error {
	if slices.Contains(writable, name) {
		return refuse(http.StatusForbidden, "attribute %q cannot be removed", name)
	}
	if _, there := i.Properties[name]; !there {
		return refuse(http.StatusConflict, "property %q cannot be removed: the image has none", name)
	}
	delete(i.Properties, name)
	return nil
}

// pointed gives the name that a JSON pointer of one part points at.
func pointed(path string) (string, error) {
	name, ok := strings.CutPrefix(path, "/")
	if !ok || name == "" || strings.Contains(name, "/") {
		return "", refuse(http.StatusBadRequest, "path has to be / and one name, and is %q", path)
	}
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(name), nil
}
