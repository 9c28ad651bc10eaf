package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/regclient/regclient/types/errs"

	"github.com/bayplan/bayplan/internal/lazyregexp"
	"github.com/bayplan/bayplan/internal/ownwords"
)

// libraryErrors are the errors of libraries that reach people, in words that tell what
// is wrong with the registry's answer.
var libraryErrors = [...]struct {
	err  error
	text string
}{
	{errs.ErrDigestMismatch, "what it sent has another digest"},
	{errs.ErrSizeLimitExceeded, "it sends more than it may"},
	{errs.ErrMismatch, "what it sent is not what it should be"},
	{errs.ErrManifestNotSet, "its manifest is empty"},
	{errs.ErrMissingLocation, "it opens an upload and does not say where"},
	{errs.ErrHTTPRedirectRefused, "it redirects to a place that is not trusted"},
	{errs.ErrShortRead, "it sent less than it announced"},
	{digest.ErrDigestUnsupported, "the algorithm is not known; bayplan knows sha256, sha384 and sha512"},
	{digest.ErrDigestInvalidLength, "it has another length than digests of its algorithm have"},
	{digest.ErrDigestInvalidFormat, "it is not of the form ALGORITHM:HEX"},
}

var quotedType = lazyregexp.New(`"([^"]*)"`)

// Words gives the text of an error, in plain words where it comes from a library.
func Words(err error) string {
	if errors.Is(err, errs.ErrUnsupportedMediaType) {
		if m := quotedType.FindStringSubmatch(err.Error()); m != nil {
			return fmt.Sprintf("its manifest has the media type %q, which is not one of images", ownwords.Clean(m[1]))
		}
		return "its manifest has a media type that is not one of images"
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return "it sent something that is not JSON: " + syntax.Error()
	case errors.As(err, &kind):
		where := ""
		if kind.Field != "" {
			where = fmt.Sprintf(" for %q", kind.Field[strings.LastIndexByte(kind.Field, '.')+1:]) // without the name that Go has for it
		}
		return fmt.Sprintf("it sent JSON with a value of the wrong type (%s)%s", kind.Value, where)
	}
	for _, known := range libraryErrors {
		if errors.Is(err, known.err) {
			return known.text
		}
	}
	var request *url.Error // names the method and the address, which people have read already
	if errors.As(err, &request) && request.Op != "parse" {
		return shorten(request.Err)
	}
	return shorten(err)
}

// CheckDigest says in words what is wrong with the text of a digest.
func CheckDigest(text string) error {
	if err := digest.Digest(text).Validate(); err != nil {
		return fmt.Errorf("the digest %q: %s", ownwords.Clean(text), Words(err))
	}
	return nil
}
