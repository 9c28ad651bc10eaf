package cloudserver

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
)

// A named thing is told by its id, or by its name within a domain.
type named struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Domain *named `json:"domain"`
}

// A login is the body of a request for a token.
type login struct {
	Auth struct {
		Identity struct {
			Methods  []string `json:"methods"`
			Password *struct {
				User struct {
					named
					Password string `json:"password"`
				} `json:"user"`
			} `json:"password"`
			Token *struct {
				ID string `json:"id"`
			} `json:"token"`
		} `json:"identity"`
		Scope *scope `json:"scope"`
	} `json:"auth"`
}

// A scope is what a token is to be good for.
type scope struct {
	Project *named `json:"project"`
	Domain  *named `json:"domain"`
}

var errLogin = &refusal{http.StatusUnauthorized, "the request needs authentication, and the credentials given are not good"}

// identify checks who asks, by every method that the login names.
func (c *Cloud) identify(l *login) error {
	if len(l.Auth.Identity.Methods) == 0 {
		return refuse(http.StatusBadRequest, "auth.identity.methods is missing")
	}
	for _, method := range l.Auth.Identity.Methods {
		if err := c.identifyBy(method, l); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cloud) identifyBy(method string, l *login) error {
	by := l.Auth.Identity
	switch {
	case method == "password" && by.Password != nil:
		user := by.Password.User
		if user.ID == "" && user.Domain == nil {
			return refuse(http.StatusBadRequest, "a user's name needs a domain")
		}
		if c.isUser(user.named) && same(user.Password, c.conf.Password) {
			return nil
		}
		return errLogin
	case method == "token" && by.Token != nil:
		if _, ok := c.tokens.find(by.Token.ID, c.conf.Now()); ok {
			return nil
		}
		return errLogin
	}
	return refuse(http.StatusBadRequest, "auth.identity.%s is missing, or no method that is known", method)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (c *Cloud) isUser(n named) bool    { return n.is(c.userID(), c.conf.User) }
func (c *Cloud) isProject(n named) bool { return n.is(c.projectID(), c.conf.Project) }

// is says whether n means the thing with that id and name in the domain that
// there is. A name alone, without a domain, means nothing.
func (n named) is(id, name string) bool {
	if n.ID != "" {
		return n.ID == id
	}
	return n.Name == name && n.Domain.isDefault()
}

func (n *named) isDefault() bool {
	return n != nil && (n.ID == "default" || n.ID == "" && strings.EqualFold(n.Name, "default"))
}

// admit checks that the one who asks may have the scope asked for.
func (c *Cloud) admit(s *scope) error {
	switch {
	case s == nil:
		return nil
	case s.Project != nil && c.isProject(*s.Project):
		return nil
	}
	return errLogin // a domain scope, too: nobody has a role on the domain
}

func (c *Cloud) userID() string    { return fixedID("user", c.conf.User) }
func (c *Cloud) projectID() string { return fixedID("project", c.conf.Project) }

// fixedID gives a thing the same id in every process.
func fixedID(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + " " + name))
	return hex.EncodeToString(sum[:16])
}

// roles are the names of the roles that the user has on the project.
func (c *Cloud) roles() []string {
	if c.conf.Member {
		return []string{"member", "reader"}
	}
	return []string{"admin", "member", "reader"}
}

func (c *Cloud) isAdmin() bool { return slices.Contains(c.roles(), "admin") }
