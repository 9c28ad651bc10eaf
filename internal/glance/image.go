package glance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"

	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/paging"
)

// The states of an image that this package handles. There are others.
const (
	Queued = "queued" // a record without data
	Saving = "saving" // the data are being written, or the server that wrote them died
	Active = "active" // complete and usable
)

// An Image is an image as the cloud shows it.
type Image struct {
	ID     string
	Name   string
	Status string
	Size   int64

	MD5      string // what Glance calls checksum
	HashAlgo string // algorithm of Hash, such as sha512; "" if the cloud computes none
	Hash     string

	DiskFormat      string
	ContainerFormat string
	Visibility      string
	Protected       bool              // the cloud refuses to delete it
	MinDisk         int               // GiB of disk that a machine needs
	MinRAM          int               // MiB of memory that a machine needs
	CreatedAt       string            // the cloud's text, unchanged: a backup's name is made from it
	UpdatedAt       string            // the cloud's text: of the last change, or when the data were complete
	Properties      map[string]string // those that a user has set, such as kernel_id
}

// UnmarshalJSON reads an image as version 2 of the API writes it.
func (i *Image) UnmarshalJSON(b []byte) error {
	var w struct {
		ID              string  `json:"id"`
		Name            *string `json:"name"`
		Status          string  `json:"status"`
		Size            *int64  `json:"size"`
		Checksum        *string `json:"checksum"`
		HashAlgo        *string `json:"os_hash_algo"`
		Hash            *string `json:"os_hash_value"`
		DiskFormat      *string `json:"disk_format"`
		ContainerFormat *string `json:"container_format"`
		Visibility      string  `json:"visibility"`
		Protected       bool    `json:"protected"`
		MinDisk         *int    `json:"min_disk"`
		MinRAM          *int    `json:"min_ram"`
		CreatedAt       string  `json:"created_at"`
		UpdatedAt       string  `json:"updated_at"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	*i = Image{
		ID: w.ID, Name: valueOrZero(w.Name), Status: w.Status, Size: valueOrZero(w.Size),
		MD5: valueOrZero(w.Checksum), HashAlgo: valueOrZero(w.HashAlgo), Hash: valueOrZero(w.Hash),
		DiskFormat: valueOrZero(w.DiskFormat), ContainerFormat: valueOrZero(w.ContainerFormat),
		Visibility: w.Visibility, Protected: w.Protected, MinDisk: valueOrZero(w.MinDisk), MinRAM: valueOrZero(w.MinRAM),
		CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt, Properties: map[string]string{},
	}
	for key, value := range all {
		if text, ok := value.(string); ok && !slices.Contains(baseKeys, key) {
			i.Properties[key] = text
		}
	}
	return nil
}

// baseKeys are the keys of an image with text values that are not properties.
var baseKeys = []string{
	"id", "name", "status", "checksum", "os_hash_algo", "os_hash_value", "disk_format", "container_format",
	"visibility", "created_at", "updated_at", "owner", "self", "file", "schema", "direct_url", "stores",
}

func valueOrZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// List gives the images that have one of these names, in any state, oldest first.
// Several images may have the same name.
func (c *Client) List(ctx context.Context, names ...string) ([]Image, error) {
	var found []Image
	for _, filter := range nameFilters(names) {
		some, err := c.pages(ctx, url.Values{"name": {filter}})
		if err != nil {
			return nil, fmt.Errorf("list the images of cloud %q: %w", c.cloud, err)
		}
		found = append(found, some...)
	}
	found = slices.DeleteFunc(found, func(i Image) bool { return !slices.Contains(names, i.Name) })
	oldestFirst(found)
	return found, nil
}

// ListAll gives all images that the client may see, oldest first. It is the only way to
// find backups, whose names are not known before.
func (c *Client) ListAll(ctx context.Context) ([]Image, error) {
	found, err := c.pages(ctx, url.Values{})
	if err != nil {
		return nil, fmt.Errorf("list the images of cloud %q: %w", c.cloud, err)
	}
	oldestFirst(found)
	return found, nil
}

func oldestFirst(all []Image) {
	slices.SortStableFunc(all, byAge)
}

// byAge orders images by the time of their record, the oldest first. All clients order
// them alike.
func byAge(a, b Image) int { return strings.Compare(a.CreatedAt+a.ID, b.CreatedAt+b.ID) }

// pages reads all pages of a list. It follows only the query of a page's link to the
// next page: the service may not know the address at which it is reached.
func (c *Client) pages(ctx context.Context, query url.Values) ([]Image, error) {
	list := pageList{List: paging.List{Most: maxList, Worth: pageWorth}}
	for q := query.Encode(); ; {
		if err := list.Ask("?" + q); err != nil {
			return nil, err
		}
		var text json.RawMessage
		err := c.retry(ctx, func() error {
			text = nil // from an answer that was cut short
			_, err := c.images.Get(ctx, c.images.ServiceURL("images")+"?"+q, &text, nil)
			return err
		})
		if err != nil {
			return nil, err
		}
		link, err := list.take(text)
		if err != nil || link == "" {
			return list.found, err
		}
		next, err := url.Parse(link)
		if err != nil {
			return nil, fmt.Errorf("the link to the next page: %w", err)
		}
		q = next.RawQuery
	}
}

// nameFilters gives filters that find the names, with as many names in one filter as
// possible. In a list Glance finds a name with a comma only if the name is quoted, and a
// name with a quote never.
func nameFilters(names []string) (filters []string) {
	var together []string
	for _, name := range names {
		switch {
		case strings.Contains(name, `"`):
			filters = append(filters, name)
		case strings.Contains(name, ","):
			together = append(together, `"`+name+`"`)
		default:
			together = append(together, name)
		}
	}
	if len(together) > 0 {
		filters = append(filters, "in:"+strings.Join(together, ","))
	}
	return filters
}

// Get reads one image. If it does not exist the error is ErrNotFound.
func (c *Client) Get(ctx context.Context, id string) (Image, error) {
	img, err := c.get(ctx, id)
	if err != nil {
		return Image{}, fmt.Errorf("look at image %s of cloud %q: %w", id, c.cloud, err)
	}
	return img, nil
}

func (c *Client) get(ctx context.Context, id string) (img Image, err error) {
	err = c.retry(ctx, func() error { return images.Get(ctx, c.images, id).ExtractInto(&img) })
	return img, err
}

// retry repeats a request a few times while its error is of the connection class. It is
// for requests that may be made twice. So a server that closes connections without
// notice does no harm.
func (c *Client) retry(ctx context.Context, ask func() error) error {
	for try := 1; ; try++ {
		err := explain(ask())
		if err == nil || try == maxTries || !fault.IsConnection(err) {
			return err
		}
		if sleepErr := sleep(ctx, c.pause<<(try-1)); sleepErr != nil {
			return sleepErr
		}
	}
}

// Create makes the record of an image, without data. The record has all of its
// properties from the start, so a crash cannot leave a record without them. Create does
// not repeat the request when the answer is lost: that would make another record.
func (c *Client) Create(ctx context.Context, img Image) (Image, error) {
	opts := images.CreateOpts{
		Name: img.Name, DiskFormat: img.DiskFormat, ContainerFormat: img.ContainerFormat,
		Properties: img.Properties, MinDisk: img.MinDisk, MinRAM: img.MinRAM,
	}
	if img.Visibility != "" {
		v := images.ImageVisibility(img.Visibility)
		opts.Visibility = &v
	}
	var made Image
	if err := images.Create(ctx, c.images, opts).ExtractInto(&made); err != nil {
		err = fmt.Errorf("create image %q in cloud %q: %w", img.Name, c.cloud, explain(err))
		if img.Visibility == "public" && codeOf(err) == http.StatusForbidden {
			err = fault.WithHint(err, "only an administrator of the cloud may make an image public")
		}
		return Image{}, err
	}
	return made, nil
}

// Rename gives an image another name.
func (c *Client) Rename(ctx context.Context, id, name string) error {
	_, err := c.update(ctx, id, fmt.Sprintf("name it %q", name), setName(name))
	return err
}

// SetProperties sets properties of an image and leaves its others as they are.
func (c *Client) SetProperties(ctx context.Context, id string, properties map[string]string) error {
	if len(properties) == 0 {
		return nil
	}
	_, err := c.update(ctx, id, setsProperties(properties), setProperties(properties)...)
	return err
}

// SetVisibility makes an image public, private, shared or community.
func (c *Client) SetVisibility(ctx context.Context, id, visibility string) error {
	_, err := c.update(ctx, id, "make it "+visibility, setVisibility(visibility))
	return err
}

// Delete removes an image. It succeeds if the image does not exist.
func (c *Client) Delete(ctx context.Context, id string) error {
	err := c.retry(ctx, func() error { return images.Delete(ctx, c.images, id).ExtractErr() })
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("delete image %s of cloud %q: %w", id, c.cloud, err)
	}
	return nil
}

// BestDigest gives the strongest digest that the cloud has of an image, such as
// sha512:HEX.
func BestDigest(img Image) string {
	return checksum.Text(BestSum(img))
}

// BestSum gives the strongest digest that the cloud has of an image, and its algorithm.
func BestSum(img Image) (algorithm, sum string) {
	if img.Hash != "" {
		return img.HashAlgo, img.Hash
	}
	return "md5", img.MD5
}
