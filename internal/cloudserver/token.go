package cloudserver

import (
	"crypto/rand"
	"sync"
	"time"
)

// A token is one login: what it may do and until when.
type token struct {
	id, audit       string
	methods         []string
	scoped          bool
	issued, expires time.Time
}

// tokens are the valid tokens. They are in memory only, so the tokens of an
// earlier process are invalid.
type tokens struct {
	mu   sync.Mutex // each request looks up a token in its own goroutine
	byID map[string]token
}

// issue adds t with a new id and removes expired tokens.
func (ts *tokens) issue(t token) token {
	t.id, t.audit = "gAAAAA"+rand.Text()+rand.Text(), rand.Text()
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.byID == nil {
		ts.byID = map[string]token{}
	}
	for id, old := range ts.byID {
		if !old.expires.After(t.issued) {
			delete(ts.byID, id)
		}
	}
	ts.byID[t.id] = t
	return t
}

// find returns the token with this id if it is valid.
func (ts *tokens) find(id string, now time.Time) (token, bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t, ok := ts.byID[id]
	return t, ok && t.expires.After(now)
}

func (ts *tokens) revoke(id string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	delete(ts.byID, id)
}
