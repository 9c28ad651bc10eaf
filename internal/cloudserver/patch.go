package cloudserver

import (
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"
)

const patchType = "application/openstack-images-v2.1-json-patch"

// A patchOp is one operation of a JSON patch.
type patchOp struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// patchImage applies a patch: all of its operations, or none.
func (c *Cloud) patchImage(w http.ResponseWriter, r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != patchType {
		return refuse(http.StatusUnsupportedMediaType, "the content type of a patch must be %s", patchType)
	}
	var ops []patchOp
	if err := readJSON(r, &ops); err != nil {
		return err
	}
	i, err := c.images.update(r.PathValue("id"), func(i *image) error {
		for _, op := range ops {
			if err := c.applyOp(i, op); err != nil {
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

func (c *Cloud) applyOp(i *image, op patchOp) error {
	name, err := pointerName(op.Path)
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
	return refuse(http.StatusBadRequest, "op must be add, replace or remove, not %q", op.Op)
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

// pointerName returns the name in a JSON pointer of one part.
func pointerName(path string) (string, error) {
	name, ok := strings.CutPrefix(path, "/")
	if !ok || name == "" || strings.Contains(name, "/") {
		return "", refuse(http.StatusBadRequest, "path must be / and one name, not %q", path)
	}
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(name), nil
}
