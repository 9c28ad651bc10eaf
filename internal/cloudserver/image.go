package cloudserver

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// The states of an image. Saving exists in memory only.
const (
	queued  = "queued"
	saving  = "saving"
	active  = "active"
	deleted = "deleted"
)

// An image is what is known of an image besides its data. It is a value: the
// table hands out copies, and a change makes a new one.
type image struct {
	ID              string            `json:"id"`
	Name            *string           `json:"name,omitempty"`
	Status          string            `json:"status"`
	Visibility      string            `json:"visibility,omitempty"`
	DiskFormat      string            `json:"disk_format,omitempty"`
	ContainerFormat string            `json:"container_format,omitempty"`
	MinDisk         int64             `json:"min_disk,omitempty"`
	MinRAM          int64             `json:"min_ram,omitempty"`
	Protected       bool              `json:"protected,omitempty"`
	Hidden          bool              `json:"os_hidden,omitempty"`
	Owner           string            `json:"owner,omitempty"`
	Tags            []string          `json:"tags,omitempty"`
	Properties      map[string]string `json:"properties,omitempty"`
	Members         map[string]member `json:"members,omitempty"`
	Created         time.Time         `json:"created_at,omitzero"`
	Updated         time.Time         `json:"updated_at,omitzero"`
	Data            *contents         `json:"data,omitempty"` // nil until active
}

// contents describe the data of an image.
type contents struct {
	Size        int64  `json:"size"`
	VirtualSize *int64 `json:"virtual_size,omitempty"`
	MD5         string `json:"checksum"`
	SHA512      string `json:"os_hash_value"`
}

// A member is a project that an image is shared with.
type member struct {
	Status  string    `json:"status"`
	Created time.Time `json:"created_at"`
	Updated time.Time `json:"updated_at"`
}

// clone returns a copy that does not share memory with the original.
func (i image) clone() image {
	i.Tags = slices.Clone(i.Tags)
	i.Properties = maps.Clone(i.Properties)
	i.Members = maps.Clone(i.Members)
	return i
}

// imageTime is the time format of the Image service.
const imageTime = "2006-01-02T15:04:05Z"

func imageTimestamp(t time.Time) string { return t.UTC().Format(imageTime) }

// show returns the JSON object of an image, with properties and attributes side
// by side.
func (i image) show() obj {
	o := obj{}
	for name, value := range i.Properties {
		o[name] = value
	}
	maps.Copy(o, obj{
		"id": i.ID, "name": i.Name, "status": i.Status, "visibility": i.Visibility,
		"disk_format": orNull(i.DiskFormat), "container_format": orNull(i.ContainerFormat),
		"min_disk": i.MinDisk, "min_ram": i.MinRAM, "protected": i.Protected, "os_hidden": i.Hidden,
		"owner": i.Owner, "tags": append([]string{}, i.Tags...),
		"created_at": imageTimestamp(i.Created), "updated_at": imageTimestamp(i.Updated),
		"self": "/v2/images/" + i.ID, "file": "/v2/images/" + i.ID + "/file", "schema": "/v2/schemas/image",
		"size": nil, "virtual_size": nil, "checksum": nil, "os_hash_algo": nil, "os_hash_value": nil,
	})
	if d := i.Data; d != nil {
		maps.Copy(o, obj{
			"size": d.Size, "virtual_size": d.VirtualSize, "checksum": d.MD5,
			"os_hash_algo": "sha512", "os_hash_value": d.SHA512, "stores": storeName,
		})
	}
	return o
}

// storeName is the name of the only image store.
const storeName = "fs"

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

var uuidPattern = lazyregexp.New(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

func isUUID(s string) bool { return uuidPattern.MatchString(s) }

// newUUID makes a random id, version 4.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
