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

// tokens are the logins that are good at the moment. They live in memory
// only: a token of an earlier process is worth nothing.
type tokens struct {
	mu   sync.Mutex // every request looks one up, on a goroutine of its own
	byID map[string]token
}

// issue records t under a fresh id and forgets those that have expired.
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

// find gives the token with that id if it is still good.
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
