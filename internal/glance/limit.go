package glance

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/paging"
)

// What a cloud may answer. A real cloud stays far below: a page of a list has at most 1000
// images of some kilobytes. A server that sends without end must not fill the memory.
const (
	maxAnswer = 16 << 20  // bytes of one answer: a page of a list, an image, a token with its catalogue
	maxList   = 256 << 20 // bytes of all pages of a list
	maxImages = 100_000   // images of a list
	pageWorth = 2048      // bytes of a page on average, in a long list
)

// bounded ends an answer with an error where it is larger than any that a cloud gives. No
// answer of this package carries the data of an image.
func bounded(resp *http.Response) *http.Response {
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxAnswer}
	return resp
}

var errLargeAnswer = fmt.Errorf("the answer of the cloud is larger than %s", human.Size(maxAnswer))

type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read gives an error in place of the first byte that is too much.
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if int64(n) > b.left {
		n, err = int(b.left), errLargeAnswer
	}
	b.left -= int64(n)
	return n, err
}

// A pageList collects the pages of one list, within bounds.
type pageList struct {
	paging.List
	found []Image
}

// take adds the images of a page and gives the page's link to the next one.
func (l *pageList) take(text []byte) (next string, err error) {
	var page struct {
		Images []Image `json:"images"`
		Next   string  `json:"next"`
	}
	if err := json.Unmarshal(text, &page); err != nil {
		return "", fmt.Errorf("the page is not a list of images: %w", err)
	}
	l.Add(int64(len(text)))
	l.found = append(l.found, page.Images...)
	if len(l.found) > maxImages {
		return "", fmt.Errorf("the list has more than %d images", maxImages)
	}
	return page.Next, nil
}
