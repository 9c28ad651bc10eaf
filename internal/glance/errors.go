package glance

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/lazyregexp"
)

// ErrNotFound is given for an image that is not in the cloud.
var ErrNotFound = errors.New("no such image")

// errNoJSON is given where something else than a service of OpenStack answers, mostly a proxy or
// a page to log in at.
var errNoJSON = errors.New("the answer is no JSON, so it is not that of a service of OpenStack")

// A responseError is a response of the cloud whose status code is an error, or a success
// that does not fit the request.
type responseError struct {
	code int
	text string
}

func (a *responseError) Error() string {
	s := fmt.Sprintf("the cloud answers %d %s", a.code, http.StatusText(a.code))
	switch {
	case a.code < 400: // the body is not about a mistake, and may hold anything
		s += ", which is no answer to this request"
	case a.text != "":
		s += ": " + a.text
	}
	return s
}

// Is makes a 404 an ErrNotFound.
func (a *responseError) Is(target error) bool {
	return target == ErrNotFound && a.code == http.StatusNotFound
}

// Connection reports whether the same request may succeed later.
func (a *responseError) Connection() bool {
	switch a.code {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// codeOf gives the status code of the cloud's answer, 0 for any other error.
func codeOf(err error) int {
	var a *responseError
	if errors.As(err, &a) {
		return a.code
	}
	return 0
}

// explain turns an error of gophercloud into one for people. It marks the errors of the
// connection class.
func explain(err error) error {
	var reauth *gophercloud.ErrUnableToReauthenticate // it does not unwrap
	if errors.As(err, &reauth) {
		return fmt.Errorf("renew the token: %w", explain(reauth.ErrReauth))
	}
	var code gophercloud.ErrUnexpectedResponseCode
	if errors.As(err, &code) {
		if code.Actual < 400 && len(code.Body) >= maxAnswer {
			return errLargeAnswer
		}
		return &responseError{code.Actual, bodyText(code.Actual, code.Body)}
	}
	if err == nil || fault.IsCancelled(err) {
		return err
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return errNoJSON
	}
	var way *url.Error
	if !errors.As(err, &way) {
		return err
	}
	// The method and the address, which net/http puts before the cause, are left out:
	// callers name them. An answer that is cut short can end in many kinds of errors, so
	// all but those of certificates are of the connection class.
	if isCertificateError(way.Err) || fault.IsConnection(way.Err) {
		return way.Err
	}
	return fault.AsConnection(way.Err)
}

func isCertificateError(err error) bool {
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verify) || errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &invalid)
}

// ownWords gives what a service says to explain the status code of its answer, behind a colon. What
// says no more than the code is left out.
func ownWords(err error) string {
	var code gophercloud.ErrUnexpectedResponseCode
	if !errors.As(err, &code) {
		return ""
	}
	text := bodyText(code.Actual, code.Body)
	for _, same := range []string{http.StatusText(code.Actual), "404 page not found", "The request you have made requires authentication."} {
		if strings.EqualFold(text, same) {
			return ""
		}
	}
	if text != "" {
		text = ": " + text
	}
	return text
}

var markup = lazyregexp.New(`(?s)<(style|script|title).*?</(style|script|title)>|<[^>]*>`)

// bodyText finds the message in the body of an answer with a status code: Glance writes HTML, other services
// write JSON.
func bodyText(code int, body []byte) string {
	var doc struct {
		Message string `json:"message"`
		Error   struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	text := string(body)
	if json.Unmarshal(body, &doc) == nil {
		text = doc.Message + doc.Error.Message
	}
	text = strings.Join(strings.Fields(markup.ReplaceAllString(text, " ")), " ")
	// HTML repeats the status code as a heading.
	text = strings.TrimSpace(strings.TrimPrefix(text, fmt.Sprintf("%d %s", code, http.StatusText(code))))
	const most = 300
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "..."
	}
	return text
}
