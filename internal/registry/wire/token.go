package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/ownwords"
)

const (
	// unknownLife is how long a token lives whose server does not say it.
	unknownLife = 60 * time.Second
	// maxLife is the longest time for which a token is used.
	maxLife = 24 * time.Hour
	// maxToken is the largest answer of a token server.
	maxToken = 1 << 20
)

// A token is shown to a registry until shortly before it expires.
type token struct {
	text        string
	from, until time.Time
}

func (t token) isValid() bool { return t.text != "" && time.Now().Before(t.until) }

// isNew says that a token is so new that its age is not why it was refused.
func (t token) isNew() bool { return time.Since(t.from) < 2*time.Second }

// parseToken reads the answer of a token server. Some servers write expires_at
// in place of expires_in, or neither, some write numbers as text, and a clock
// may be wrong.
func parseToken(b []byte, now time.Time) (token, error) {
	var said struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
		ExpiresIn   any    `json:"expires_in"`
		ExpiresAt   any    `json:"expires_at"`
		IssuedAt    any    `json:"issued_at"`
	}
	if err := json.Unmarshal(b, &said); err != nil {
		return token{}, fmt.Errorf("its answer is not what a token server says: %w", err)
	}
	t := token{text: said.Token}
	if t.text == "" {
		t.text = said.AccessToken
	}
	if t.text == "" {
		return token{}, errors.New("there is no token in its answer")
	}
	if strings.ContainsFunc(t.text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return token{}, errors.New("the token in its answer holds what no header may hold")
	}
	life := seconds(said.ExpiresIn)
	if at, ok := instant(said.ExpiresAt); ok && life <= 0 {
		from := now
		if issued, ok := instant(said.IssuedAt); ok && issued.Before(at) {
			from = issued // both times are from the server's clock
		}
		life = at.Sub(from)
	}
	if life <= 0 {
		life = unknownLife
	}
	life = min(life, maxLife)
	t.from, t.until = now, now.Add(life-min(5*time.Second, life/2))
	return t, nil
}

// seconds reads a number of seconds, also as text.
func seconds(v any) time.Duration {
	var n float64
	switch v := v.(type) {
	case float64:
		n = v
	case string:
		n, _ = strconv.ParseFloat(v, 64)
	}
	if n > maxLife.Seconds() {
		return maxLife
	}
	return time.Duration(n * float64(time.Second))
}

// instant reads a time in the forms that token servers write.
func instant(v any) (time.Time, bool) {
	switch v := v.(type) {
	case float64:
		return time.Unix(int64(v), 0), v > 0
	case string:
		for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700", time.DateTime} {
			if at, err := time.Parse(form, v); err == nil {
				return at, true
			}
		}
	}
	return time.Time{}, false
}

// fetch asks a realm for a token with the scopes.
func (a *auth) fetch(ctx context.Context, p *Target, c challenge, scopes []string) (token, error) {
	realm, err := a.realm(ctx, p, c)
	if err != nil {
		return token{}, err
	}
	req, err := p.tokenRequest(ctx, realm, c.params["service"], scopes)
	if err != nil {
		return token{}, err
	}
	resp, err := a.client().Do(req)
	if err != nil {
		return token{}, fmt.Errorf("%s: asking for a token: %w", p.Host, withoutURL(err))
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return token{}, p.refusalError(req, resp)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxToken+1))
	if err == nil && len(b) > maxToken {
		err = fmt.Errorf("an answer of more than %d bytes", maxToken)
	}
	var t token
	if err == nil {
		t, err = parseToken(b, time.Now())
	}
	if err != nil {
		return token{}, fmt.Errorf("%s: asking %s for a token: %w", p.Host, req.URL.Host, err)
	}
	return t, nil
}

// tokenRequest makes the request for a token: with name and password, with a
// refresh token, or anonymous.
func (p *Target) tokenRequest(ctx context.Context, realm *url.URL, service string, scopes []string) (*http.Request, error) {
	cred := p.Cred
	q := url.Values{"client_id": {UserAgent}}
	if service != "" {
		q.Set("service", service)
	}
	if cred.Identity != "" {
		q.Set("grant_type", "refresh_token")
		q.Set("refresh_token", cred.Identity)
		q.Set("scope", strings.Join(scopes, " "))
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, realm.String(), strings.NewReader(q.Encode()))
		if err == nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("User-Agent", UserAgent)
		}
		return req, err
	}
	for key, values := range realm.Query() {
		q[key] = append(q[key], values...)
	}
	for _, s := range scopes {
		q.Add("scope", s)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, realm.String(), nil)
	if err != nil {
		return nil, err
	}
	if cred.Password != "" {
		q.Set("account", cred.User)
		req.SetBasicAuth(cred.User, cred.Password)
	}
	req.URL.RawQuery = q.Encode()
	req.Header.Set("User-Agent", UserAgent)
	return req, nil
}

// refusalError explains why a token server gives no token.
func (p *Target) refusalError(req *http.Request, resp *http.Response) error {
	e := p.deniedError()
	e.Status, e.said = resp.StatusCode, ownwords.Read(resp)
	switch {
	case resp.StatusCode == http.StatusForbidden:
	case isTransient(resp.StatusCode) || resp.StatusCode >= 500:
		return fault.AsConnection(p.tokenError(req, resp, e.said))
	case resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusBadRequest:
		return p.tokenError(req, resp, e.said)
	case p.Cred.IsZero():
		e.Kind = NoLogin
	default:
		e.Kind = BadLogin
	}
	return e
}

func (p *Target) tokenError(req *http.Request, resp *http.Response, answer ownwords.Words) error {
	return fmt.Errorf("%s: asking for a token: %s answers %d %s%s", p.Host, req.URL.Host, resp.StatusCode, http.StatusText(resp.StatusCode), answer.OfHost(p.Repository).Quoted())
}

// scopesOf lists the scopes that a request needs, in a fixed order.
func scopesOf(req *http.Request, repository string) []string {
	switch {
	case req.URL.Path == "/v2/_catalog":
		return []string{"registry:catalog:*"}
	case repository == "":
		return nil
	}
	scope := "repository:" + repository + ":"
	switch {
	case isRead(req):
		return []string{scope + "pull"}
	case req.Method == http.MethodDelete:
		return []string{scope + "delete,pull,push"}
	}
	all := []string{scope + "pull,push"}
	if from := req.URL.Query().Get("from"); from != "" && from != repository {
		all = append(all, "repository:"+from+":pull")
	}
	return all
}

// union adds the scopes that the first ones do not cover.
func union(have, more []string) []string {
	all := slices.Clone(have)
	for _, m := range more {
		if !slices.ContainsFunc(all, func(h string) bool { return covers(h, m) }) {
			all = append(all, m)
		}
	}
	return all
}

// covers says whether one scope allows all that another one allows.
func covers(have, want string) bool {
	h, w := strings.LastIndex(have, ":"), strings.LastIndex(want, ":")
	if h < 0 || w < 0 || have[:h] != want[:w] {
		return have == want
	}
	allowed := strings.Split(have[h+1:], ",")
	for action := range strings.SplitSeq(want[w+1:], ",") {
		if !slices.Contains(allowed, action) {
			return false
		}
	}
	return true
}
