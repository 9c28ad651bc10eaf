package cloudserver

import (
	"net/http"
	"slices"
)

// imageVersions are the versions that the Image service reports, newest first.
var imageVersions = []string{"v2.9", "v2.8", "v2.7", "v2.6", "v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0"}

func (c *Cloud) imageRoutes() {
	open := func(pattern string, h endpoint) { c.mux.Handle(pattern, inImages(h)) }
	open("GET "+imagePath, versions(http.StatusMultipleChoices))
	open("GET "+imagePath+"/{$}", versions(http.StatusMultipleChoices))
	open("GET "+imagePath+"/versions", versions(http.StatusOK))

	read := func(path string, h endpoint) { open("GET "+imagePath+"/v2"+path, c.authenticated(h)) }
	read("/images", c.listImages)
	read("/images/{id}", c.getImage)
	read("/images/{id}/file", c.getData)
	read("/images/{id}/members", c.listMembers)
	read("/images/{id}/members/{member}", c.getMember)
	read("/images/{id}/tasks", c.listTasks)
	read("/schemas/{name}", getSchema)
	read("/info/stores", getStores)
	read("/info/import", getImportMethods)
	read("/", notFound)

	write := func(method, path string, h endpoint) {
		open(method+" "+imagePath+"/v2"+path, c.authenticated(c.refuseReadOnly(h)))
	}
	write("POST", "/images", c.postImage)
	write("PATCH", "/images/{id}", c.patchImage)
	write("DELETE", "/images/{id}", c.deleteImage)
	write("PUT", "/images/{id}/file", c.putData)
	write("PUT", "/images/{id}/tags/{tag}", c.putTag)
	write("DELETE", "/images/{id}/tags/{tag}", c.deleteTag)
	write("POST", "/images/{id}/members", c.postMember)
	write("PUT", "/images/{id}/members/{member}", c.putMember)
	write("DELETE", "/images/{id}/members/{member}", c.deleteMember)
}

func inImages(h endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			imageError(w, r, err)
		}
	})
}

// authenticated refuses requests without a valid token for the project. It does
// not read the body first, so that a client that sends "Expect: 100-continue"
// does not send the body in vain.
func (c *Cloud) authenticated(h endpoint) endpoint {
	return func(w http.ResponseWriter, r *http.Request) error {
		t, ok := c.tokens.find(r.Header.Get("X-Auth-Token"), c.conf.Now())
		if !ok || !t.scoped {
			return refuse(http.StatusUnauthorized, "the request needs authentication")
		}
		return h(w, r)
	}
}

func (c *Cloud) refuseReadOnly(h endpoint) endpoint {
	if !c.conf.ReadOnly {
		return h
	}
	return func(http.ResponseWriter, *http.Request) error { return errReadOnly }
}

// versions answers the discovery of the Image service.
func versions(code int) endpoint {
	return func(w http.ResponseWriter, r *http.Request) error {
		list := []any{}
		for n, id := range imageVersions {
			status := "SUPPORTED"
			if n == 0 {
				status = "CURRENT"
			}
			list = append(list, obj{"id": id, "status": status, "links": []any{
				obj{"rel": "self", "href": baseURL(r) + imagePath + "/v2/"},
			}})
		}
		return writeJSON(w, code, obj{"versions": list})
	}
}

func getStores(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, obj{"stores": []any{obj{"id": storeName, "default": "true"}}})
}

func getImportMethods(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, obj{"import-methods": obj{
		"description": "none: data are uploaded by PUT", "type": "array", "value": []string{},
	}})
}

// listTasks sends an empty list: an image has no tasks, since there are no
// imports.
func (c *Cloud) listTasks(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.images.get(r.PathValue("id")); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, obj{"tasks": []any{}})
}

// getSchema sends the parts of the image schemas that clients use.
func getSchema(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	switch name {
	case "image":
		return writeJSON(w, http.StatusOK, imageSchema())
	case "images":
		return writeJSON(w, http.StatusOK, obj{"name": "images", "properties": obj{
			"images": obj{"type": "array", "items": imageSchema()},
			"first":  obj{"type": "string"}, "next": obj{"type": "string"}, "schema": obj{"type": "string"},
		}})
	}
	return refuse(http.StatusNotFound, "there is no schema %q", name)
}

func imageSchema() obj {
	text, number, flag := []string{"null", "string"}, []string{"null", "integer"}, "boolean"
	props := obj{}
	add := func(kind any, names ...string) {
		for _, name := range names {
			p := obj{"type": kind}
			if slices.Contains(readOnly, name) {
				p["readOnly"] = true
			}
			props[name] = p
		}
	}
	add(text, "id", "name", "status", "owner", "checksum", "os_hash_algo", "os_hash_value", "created_at",
		"updated_at", "self", "file", "schema", "kernel_id", "ramdisk_id", "visibility", "disk_format",
		"container_format", "direct_url", "stores")
	add(number, "size", "virtual_size", "min_disk", "min_ram")
	add(flag, "protected", "os_hidden")
	add("array", "tags")
	for name, known := range map[string][]string{
		"visibility": visibilities[:4], "disk_format": diskFormats, "container_format": containerFormats,
	} {
		props[name].(obj)["enum"] = known
	}
	return obj{"name": "image", "properties": props, "additionalProperties": obj{"type": "string"}}
}
